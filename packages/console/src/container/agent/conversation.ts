import { editOf } from '../../diff/edit.ts';
import type { Hunk } from '../../diff/patch.ts';

export interface ToolPart {
  kind: 'tool';
  key: string;
  name: string;
  title: string;
  input: unknown;
  /** null as long as it runs. */
  result: string | null;
  isError: boolean;
  /** What it changes in a file; null when it changes none. */
  edit: Hunk[] | null;
}

/** What a person reads of the events of an instruction, in their order. */
export type Part =
  | { kind: 'text'; key: string; text: string }
  | { kind: 'thinking'; key: string; text: string }
  | ToolPart
  | { kind: 'notice'; key: string; text: string };

interface Fields {
  [name: string]: unknown;
}

const RESULT_LIMIT = 100_000;

/** @param events as Claude Code printed them, in their order */
export function partsOf(events: readonly { seq: number; event: unknown }[]): Part[] {
  const parts: Part[] = [];
  const tools = new Map<string, ToolPart>();
  for (const { seq, event } of events) {
    const { type, subtype, message, tool_use_result: details } = fieldsOf(event);
    const blocks = listOf(fieldsOf(message)['content']);
    if (type === 'assistant')
      blocks.forEach((block, index) => addBlock(parts, tools, `${seq}-${index}`, fieldsOf(block)));
    if (type === 'user') for (const block of blocks) addResult(tools, fieldsOf(block), details);
    if (type === 'devforge' || (type === 'system' && subtype === 'api_retry'))
      parts.push({ kind: 'notice', key: String(seq), text: String(subtype).replaceAll('_', ' ') });
  }
  return parts;
}

function addBlock(parts: Part[], tools: Map<string, ToolPart>, key: string, block: Fields): void {
  const { type, text, thinking, id, name, input } = block;
  if (type === 'text' && typeof text === 'string' && text.trim() !== '') parts.push({ kind: 'text', key, text });
  if (type === 'thinking' && typeof thinking === 'string' && thinking.trim() !== '')
    parts.push({ kind: 'thinking', key, text: thinking });
  if (type !== 'tool_use') return;
  const tool: ToolPart = {
    kind: 'tool',
    key,
    name: String(name),
    title: titleOf(fieldsOf(input)),
    input,
    result: null,
    isError: false,
    edit: editOf(input, null),
  };
  parts.push(tool);
  tools.set(String(id), tool);
}

function addResult(tools: Map<string, ToolPart>, block: Fields, details: unknown): void {
  const tool = tools.get(String(block['tool_use_id']));
  if (block['type'] !== 'tool_result' || tool === undefined) return;
  tool.result = textOf(block['content']).slice(0, RESULT_LIMIT);
  tool.isError = block['is_error'] === true;
  if (tool.edit !== null && !tool.isError) tool.edit = editOf(tool.input, details);
}

/** The beginning of what a tool is asked to do: a command, a path, a pattern or a question. */
export function titleOf(input: Fields): string {
  const { command, file_path: file, path, pattern, query, url, description, prompt } = input;
  const title = [command, file, pattern, path, query, url, description, prompt].find((one) => typeof one === 'string');
  return typeof title === 'string' ? title.split('\n', 1)[0]! : '';
}

/** The input of a tool as a person reads it: a command as it is, and whatever else there is by its name. */
export function inputText(input: unknown): string {
  const { command, description, ...others } = fieldsOf(input);
  if (typeof command !== 'string') return JSON.stringify(input, null, 2);
  const about = typeof description === 'string' ? `# ${description}\n` : '';
  const rest = Object.entries(others).map(([name, value]) => `\n# ${name}: ${JSON.stringify(value)}`);
  return `${about}${command}${rest.join('')}`;
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((block) => fieldsOf(block)['text'])
    .filter((text) => typeof text === 'string')
    .join('\n');
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
