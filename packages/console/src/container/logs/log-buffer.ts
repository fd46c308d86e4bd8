import type { LogLine } from '../../api/types.ts';

export interface NumberedLine extends LogLine {
  number: number;
}

const MAX_LINES = 20_000;

/** Adds lines, and drops the oldest ones of too many. */
export function appendLines(before: readonly NumberedLine[], lines: readonly LogLine[]): NumberedLine[] {
  const next = (before.at(-1)?.number ?? 0) + 1;
  return [...before, ...lines.map((line, index) => ({ ...line, number: next + index }))].slice(-MAX_LINES);
}

// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

export function plainText(message: string): string {
  return message.replace(ESCAPES, '');
}

export function filterLines(lines: readonly NumberedLine[], search: string): readonly NumberedLine[] {
  const text = search.trim().toLowerCase();
  return text === '' ? lines : lines.filter(({ message }) => plainText(message).toLowerCase().includes(text));
}

export function asFile(lines: readonly LogLine[]): string {
  return lines.map(({ timestamp, stream, message }) => `${timestamp} ${stream} ${plainText(message)}\n`).join('');
}
