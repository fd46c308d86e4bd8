import type { Readable } from 'node:stream';
import { byteLines } from '../../../../common/bytes/byte-lines.js';

/** No record of the engine comes near it. */
const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** The lines of a stream of records. It is destroyed when the caller stops reading. @throws LineTooLongError */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  stream.on('error', () => undefined);
  try {
    for await (const lines of byteLines(stream as AsyncIterable<Buffer>, MAX_LINE_BYTES, { keepLast: true }))
      for (const line of lines) yield line.toString('utf8');
  } finally {
    stream.destroy();
  }
}
