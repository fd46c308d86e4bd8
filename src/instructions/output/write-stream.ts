import { once } from 'node:events';
import type { Response } from 'express';

/** Aborts when the client hangs up. */
export function leftBy(response: Response): AbortSignal {
  const left = new AbortController();
  response.once('close', () => left.abort());
  if (response.destroyed) left.abort();
  return left.signal;
}

/** Writes what comes at the client's pace, until it ends or the client leaves. */
export async function writeStream(
  pieces: AsyncIterable<string | Buffer>,
  response: Response,
  left: AbortSignal,
): Promise<void> {
  try {
    for await (const piece of pieces) {
      if (left.aborted) return;
      if (piece.length > 0 && !response.write(piece)) await once(response, 'drain', { signal: left });
    }
    response.end();
  } catch (error) {
    if (!left.aborted) throw error;
  }
}
