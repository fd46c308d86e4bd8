/** Bounds of a JSON text, beyond which parsing, checking or writing it again costs too much. */
export interface JsonLimits {
  /** Objects and arrays inside one another. */
  maxDepth: number;
  /** Objects, arrays, and what they hold, together. */
  maxValues: number;
}

const [QUOTE, BACKSLASH, COMMA] = Buffer.from('"\\,') as unknown as [number, number, number];
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = Buffer.from('{}[]') as unknown as number[];

/** Why a JSON text exceeds the limits, or undefined. Reads it once, without parsing; the syntax is not checked. */
export function jsonExcess(text: Buffer, { maxDepth, maxValues }: JsonLimits): string | undefined {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case QUOTE:
        at = endOfString(text, at);
        if (at < 0) return undefined;
        break;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        values += 1;
        depth += 1;
        if (depth > maxDepth) return `more than ${maxDepth} levels`;
        if (values > maxValues) return `more than ${maxValues} values`;
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        depth -= 1;
        break;
      case COMMA:
        values += 1;
        if (values > maxValues) return `more than ${maxValues} values`;
        break;
    }
  }
  return undefined;
}

/** @returns the position of the closing quote, or -1 */
function endOfString(text: Buffer, start: number): number {
  for (let end = text.indexOf(QUOTE, start + 1); end >= 0; end = text.indexOf(QUOTE, end + 1)) {
    let first = end;
    while (text[first - 1] === BACKSLASH) first -= 1;
    if ((end - first) % 2 === 0) return end;
  }
  return -1;
}
