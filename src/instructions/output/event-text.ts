import { plainText } from '../../common/plain-text.js';
import { stepsOf } from './event-steps.js';

/** Lines and characters of one step; the whole is in the events. */
const MAX_LINES = 20;
const MAX_CHARACTERS = 4_000;
/** More than is shown, for the space around it. */
const MAX_CLEANED = 2 * MAX_CHARACTERS;
const INDENT = '  ';
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
  return plainText(text, MAX_CLEANED);
}

function parse(event: string): unknown {
  try {
    return JSON.parse(event);
  } catch {
    return undefined;
  }
}
