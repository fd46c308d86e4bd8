import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/** The lines of a stream. Whoever stops reading lets go of the stream, and is told of no error after that. */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const lines = createInterface({ input: stream, crlfDelay: Infinity });
  // readline passes a stream's errors on even when it is closed, and nobody would be there to take them.
  lines.on('error', () => undefined);
  try {
    yield* lines;
  } finally {
    stream.destroy();
  }
}
