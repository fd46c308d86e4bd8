import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import type { FoundContent } from './files.service.js';

export const TAR = 'application/x-tar';
const UNKNOWN_LENGTH = 0;

/** Responds with a file, whole or a range of it, or with the listing of a directory. */
export async function respondWithContent(request: Request, response: Response, found: FoundContent): Promise<void> {
  const { entry } = found;
  response.setHeader('Cache-Control', 'private, no-cache');
  if (entry.type === 'directory') {
    response.type('json');
    return request.method === 'HEAD'
      ? end(response, found)
      : stream(response, found.send(0, UNKNOWN_LENGTH), found.stalled);
  }
  setVersionHeaders(response, entry.modifiedAt, entry.etag);
  response.setHeader('Accept-Ranges', 'bytes');
  if (request.fresh) {
    response.status(304);
    return end(response, found);
  }
  const { start, length } = await requestedRange(request, response, found);
  response.setHeader('Content-Type', 'application/octet-stream');
  // A browser must not take a container's file for a page.
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Length', length);
  if (request.method === 'HEAD') return end(response, found);
  return stream(response, complete(found.send(start, length), length), found.stalled);
}

/** What a client can send back as a condition of its next request. */
export function setVersionHeaders(response: Response, modifiedAt: string, etag: string): void {
  response.setHeader('ETag', etag);
  response.setHeader('Last-Modified', new Date(modifiedAt).toUTCString());
}

/** Responds with a directory as a tar archive. */
export async function respondWithTar(
  request: Request,
  response: Response,
  archive: Pick<FoundContent, 'discard' | 'stalled'> & { send(): AsyncIterable<Buffer> },
): Promise<void> {
  response.setHeader('Content-Type', TAR);
  return request.method === 'HEAD' ? end(response, archive) : stream(response, archive.send(), archive.stalled);
}

/** The requested bytes: one range; the whole file when several are requested. */
async function requestedRange(
  request: Request,
  response: Response,
  found: FoundContent,
): Promise<{ start: number; length: number }> {
  const { size } = found.entry;
  const ranges = isRangeApplicable(request, found) ? request.range(size) : undefined;
  if (ranges === -1) {
    await found.discard();
    response.setHeader('Content-Range', `bytes */${size}`);
    throw new DomainError('range_not_satisfiable', `The file has ${size} bytes.`);
  }
  const [range] = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges : [];
  if (range === undefined) return { start: 0, length: size };
  response.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
  return { start: range.start, length: range.end - range.start + 1 };
}

/** Whether a range applies: by If-Range, a client that has another version gets all of this one. */
function isRangeApplicable(request: Request, { entry }: FoundContent): boolean {
  const condition = request.headers['if-range'];
  return condition === undefined || condition === entry.etag || condition === new Date(entry.modifiedAt).toUTCString();
}

async function end(response: Response, found: Pick<FoundContent, 'discard'>): Promise<void> {
  await found.discard();
  response.end();
}

/** Aborts the response when the content fails midway, since its head is already sent. */
async function stream(response: Response, pieces: AsyncIterable<Buffer>, stalled: AbortSignal): Promise<void> {
  response.flushHeaders();
  await pipeline(pieces, response, { signal: stalled });
}

/**
 * Exactly as many bytes as the head announced: on a connection that is kept open, the client would take more for the next
 * response.
 * @throws Error when there are fewer or more
 */
async function* complete(pieces: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer, void> {
  let missing = length;
  for await (const piece of pieces) {
    if (piece.length > missing) throw new Error('the container sent more of a file than it announced');
    missing -= piece.length;
    yield piece;
  }
  if (missing > 0) throw new Error(`the file became shorter by ${missing} bytes while it was read`);
}
