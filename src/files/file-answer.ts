import { pipeline } from 'node:stream/promises';
import type { Request, Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import type { FoundContent } from './files.service.js';

export const TAR = 'application/x-tar';
const UNKNOWN_LENGTH = 0;

/** Answers with a file, whole or a range of it, or with the listing of a directory. */
export async function answerContent(request: Request, response: Response, found: FoundContent): Promise<void> {
  const { entry } = found;
  response.setHeader('Cache-Control', 'private, no-cache');
  if (entry.type === 'directory') {
    response.type('json');
    return request.method === 'HEAD'
      ? end(response, found)
      : stream(response, found.send(0, UNKNOWN_LENGTH), found.stalled);
  }
  response.setHeader('ETag', entry.etag);
  response.setHeader('Last-Modified', new Date(entry.modifiedAt).toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
  if (request.fresh) {
    response.status(304);
    return end(response, found);
  }
  const { start, length } = await part(request, response, found);
  response.setHeader('Content-Type', 'application/octet-stream');
  // Nothing from a container is to be taken for a page.
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Length', length);
  if (request.method === 'HEAD') return end(response, found);
  return stream(response, whole(found.send(start, length), length), found.stalled);
}

/** Answers with a directory as a tar archive. */
export async function answerTar(
  request: Request,
  response: Response,
  archive: Pick<FoundContent, 'leave' | 'stalled'> & { send(): AsyncIterable<Buffer> },
): Promise<void> {
  response.setHeader('Content-Type', TAR);
  return request.method === 'HEAD' ? end(response, archive) : stream(response, archive.send(), archive.stalled);
}

/** Which bytes are wanted: one range, or all of them for several. */
async function part(
  request: Request,
  response: Response,
  found: FoundContent,
): Promise<{ start: number; length: number }> {
  const { size } = found.entry;
  const ranges = isRangeMeant(request, found) ? request.range(size) : undefined;
  if (ranges === -1) {
    await found.leave();
    response.setHeader('Content-Range', `bytes */${size}`);
    throw new DomainError('range_not_satisfiable', `The file has ${size} bytes.`);
  }
  const [range] = Array.isArray(ranges) && ranges.type === 'bytes' && ranges.length === 1 ? ranges : [];
  if (range === undefined) return { start: 0, length: size };
  response.status(206).setHeader('Content-Range', `bytes ${range.start}-${range.end}/${size}`);
  return { start: range.start, length: range.end - range.start + 1 };
}

/** A client that has another version wants all of this one. */
function isRangeMeant(request: Request, { entry }: FoundContent): boolean {
  const condition = request.headers['if-range'];
  return condition === undefined || condition === entry.etag || condition === new Date(entry.modifiedAt).toUTCString();
}

async function end(response: Response, found: Pick<FoundContent, 'leave'>): Promise<void> {
  await found.leave();
  response.end();
}

/** Breaks the answer off when it cannot be whole, since its head is gone already. */
async function stream(response: Response, pieces: AsyncIterable<Buffer>, stalled: AbortSignal): Promise<void> {
  response.flushHeaders();
  await pipeline(pieces, response, { signal: stalled });
}

/** @throws Error when the file has become shorter */
async function* whole(pieces: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer, void> {
  let left = length;
  for await (const piece of pieces) {
    left -= piece.length;
    yield piece;
  }
  if (left > 0) throw new Error(`the file became shorter by ${left} bytes while it was read`);
}
