import { stripVTControlCharacters } from 'node:util';

/** Everything that moves a cursor, changes the direction of text or cannot be stored, except line breaks and tabs. */
const CONTROLS = /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text from outside as it may be shown in a terminal and stored: without control characters, and of a bounded length. */
export function plainText(text: string, maxLength: number): string {
  // Bounded first, since the pattern of escape sequences is slow on long ones.
  return stripVTControlCharacters(text.slice(0, 4 * maxLength))
    .replace(CONTROLS, '')
    .toWellFormed()
    .slice(0, maxLength);
}

/** The end of a text, as {@link plainText}. */
export function plainTail(text: string, maxLength: number): string {
  return plainText(text.slice(-maxLength), maxLength);
}
