const MAX_CHARACTERS = 200;

/** The beginning of a text, with control characters and line breaks replaced by spaces. */
export function toOneLine(text: string): string {
  return text
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MAX_CHARACTERS);
}
