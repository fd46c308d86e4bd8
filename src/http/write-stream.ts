import { once } from 'node:events';
import type { Response } from 'express';

/** Writes chunks as fast as the client reads them, until they end or the client disconnects. */
export async function writeStream(
  chunks: AsyncIterable<string | Buffer>,
  response: Response,
  clientSignal: AbortSignal,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      if (clientSignal.aborted) return;
      if (chunk.length > 0 && !response.write(chunk)) await once(response, 'drain', { signal: clientSignal });
    }
    response.end();
  } catch (error) {
    if (!clientSignal.aborted) throw error;
  }
}
