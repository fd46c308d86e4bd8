import { stepsOf } from './event-steps.js';

/** Lines and characters of one step; the whole is in the events. */
const MAX_LINES = 20;
const MAX_CHARACTERS = 4_000;
const INDENT = '  ';
/** Everything that a terminal would act on, but for line breaks and tabs. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** An event for people: a line for each step, with further lines of it indented; empty for an event without steps. */
export function toEventText(event: string): string {
  return stepsOf(parse(event))
    .map(({ title, text }) => toBlock(plain(title), plain(text)))
    .join('');
}

function toBlock(title: string, text: string): string {
  const lines = text.slice(0, MAX_CHARACTERS).trim().split('\n');
  const shown = lines.slice(0, MAX_LINES);
  const isCut = lines.length > shown.length || text.trim().length > MAX_CHARACTERS;
  return `${title}: ${shown.join(`\n${INDENT}`)}${isCut ? `\n${INDENT}…` : ''}\n`;
}

function plain(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(CONTROL, '').toWellFormed();
}

function parse(event: string): unknown {
  try {
    return JSON.parse(event);
  } catch {
    return undefined;
  }
}
