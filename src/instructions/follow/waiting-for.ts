import type { WaitingForDto } from '../../agent-state/agent.dto.js';

const MOST_CHARACTERS = 200;
/** What of a tool's input says best what it is about. */
const TELLING = ['command', 'file_path', 'url', 'question', 'description', 'plan'];

/** What somebody has to allow, in a line. */
export function waitingFor({ toolName, input }: { toolName: string; input: string }): WaitingForDto {
  return { tool: toolName === '' ? null : oneLine(toolName), text: oneLine(textOf(input) ?? toolName) };
}

function textOf(input: string): string | undefined {
  const given: unknown = JSON.parse(input);
  if (typeof given !== 'object' || given === null) return undefined;
  const fields = { ...given, ...firstQuestion(given) } as Record<string, unknown>;
  return TELLING.map((name) => fields[name]).find((value) => typeof value === 'string');
}

function firstQuestion(given: object): object {
  const { questions } = given as { questions?: unknown };
  const first: unknown = Array.isArray(questions) ? questions[0] : undefined;
  return typeof first === 'object' && first !== null ? first : {};
}

function oneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST_CHARACTERS);
}
