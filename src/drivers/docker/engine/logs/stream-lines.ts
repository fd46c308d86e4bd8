import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The lines of a stream. It is destroyed when the caller stops reading, and later errors are ignored. */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  // readline re-emits a stream's errors even after it is closed, when nothing else handles them.
  lines.on('error', () => undefined);
  try {
    yield* lines;
  } finally {
    stream.destroy();
  }
}
