import { GrowingBuffer } from './growing-buffer.js';

const NEWLINE = 10;

/** A line is longer than its reader allows. */
export class LineTooLongError extends Error {
  override readonly name = 'LineTooLongError';

  constructor(readonly maxBytes: number) {
    super(`a line of more than ${maxBytes} bytes`);
  }
}

/**
 * Splits a stream into lines, without their line breaks.
 * @param options.keepLast whether a last line without a line break, which may be incomplete, counts as one
 * @throws LineTooLongError once a line has more than `maxBytes`, whether or not it ever ends
 */
export async function* byteLines(
  stream: AsyncIterable<Buffer>,
  maxBytes: number,
  { keepLast = false }: { keepLast?: boolean } = {},
): AsyncGenerator<Buffer[]> {
  const rest = new GrowingBuffer();
  for await (const chunk of stream) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, end);
      if (rest.length + piece.length > maxBytes) throw new LineTooLongError(maxBytes);
      if (rest.length > 0) rest.append(piece);
      lines.push(rest.length === 0 ? piece : rest.take());
      from = end + 1;
    }
    if (rest.length + chunk.length - from > maxBytes) throw new LineTooLongError(maxBytes);
    if (from < chunk.length) rest.append(chunk.subarray(from));
    if (lines.length > 0) yield lines;
  }
  if (keepLast && rest.length > 0) yield [rest.take()];
}
