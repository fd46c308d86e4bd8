import type { WaitingForDto } from '../agent-state/agent.dto.js';
import { toOneLine } from './one-line.js';

/** Fields of a tool's input that describe the call, the most specific first. */
const DESCRIPTIVE_FIELDS = ['command', 'file_path', 'url', 'question', 'description', 'plan'];

/** Summarises a permission request on one line. */
export function waitingFor({ toolName, input }: { toolName: string; input: string }): WaitingForDto {
  return { tool: toolName === '' ? null : toOneLine(toolName), text: toOneLine(textOf(input) ?? toolName) };
}

function textOf(input: string): string | undefined {
  const parsed: unknown = JSON.parse(input);
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const fields = { ...parsed, ...firstQuestion(parsed) } as Record<string, unknown>;
  return DESCRIPTIVE_FIELDS.map((name) => fields[name]).find((value) => typeof value === 'string');
}

function firstQuestion(input: object): object {
  const { questions } = input as { questions?: unknown };
  const first: unknown = Array.isArray(questions) ? questions[0] : undefined;
  return typeof first === 'object' && first !== null ? first : {};
}
