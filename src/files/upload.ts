import type { Request } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import type { Upload } from './upload-room.js';

/** Content codings of archives. The file helper looks at the archive itself, so nothing else depends on them. */
const ARCHIVE_ENCODINGS = ['identity', 'gzip', 'x-gzip'];

/**
 * The body of a request as the content of a file or as an archive.
 * @throws DomainError `unsupported_media_type` when it is something that would have to be taken apart first
 */
export function uploadOf(request: Request, isArchive: boolean): Upload {
  const { 'content-encoding': encoding = 'identity', 'content-length': length } = request.headers;
  if (!(isArchive ? ARCHIVE_ENCODINGS : ['identity']).includes(encoding.toLowerCase()))
    throw new DomainError(
      'unsupported_media_type',
      isArchive
        ? 'An archive may have Content-Encoding: gzip or none.'
        : 'Content-Encoding is not supported for files; send the content as it is to be stored.',
    );
  if (/^\s*multipart\//i.test(request.headers['content-type'] ?? ''))
    throw new DomainError(
      'unsupported_media_type',
      'Forms are not supported: send the bytes of one file as the body, or several files as an archive with Content-Type: application/x-tar.',
    );
  // The request stays open when its body is not read to the end, since a response follows.
  return {
    body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>,
    length: length === undefined ? undefined : Number(length),
  };
}
