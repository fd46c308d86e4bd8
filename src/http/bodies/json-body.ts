import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import type { IncomingMessage } from 'node:http';
import { jsonExcess } from '../../common/bytes/json-limits.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { LIMITS } from '../../common/limits.js';
import { bodyFault } from '../client-errors.js';
import { isSmallBodyExpected, isTrusted } from '../trusted-requests.js';
import { malformedText, PAYLOAD_LIMITS } from './payload-limits.js';
import { UNREAD_BODY } from './unread-body.js';
import { validationFailed } from '../validation/validation.js';

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
const CHARSET = /;\s*charset\s*=\s*"?([^";\s]*)/i;
const UTF_8 = /^utf-?8$/i;
/** Uploads of files, which are streamed by their controller at the pace of the client. */
const UPLOAD = /^\/api\/containers\/[^/]+\/files\/?(?:\?|$)/i;
const BODY_TIMEOUT_MS = 60_000;

const STRANGER_BODY_BYTES = 8 * 1024;

const readBytes = bodyParser.raw({ limit: LIMITS.jsonBodyBytes, type: () => true });
const readFewBytes = bodyParser.raw({ limit: STRANGER_BODY_BYTES, type: () => true, inflate: false });
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the JSON body of a request into `body`, and leaves bodies of other types and uploads unread: of one that is no upload
 * `body` becomes `UNREAD_BODY`.
 * @throws DomainError `malformed_body`, `validation_failed`, `payload_too_large`, `unsupported_media_type`, `request_timeout`
 */
export async function readJsonBody(request: Request, response: Response): Promise<void> {
  // Few routes that are open to strangers take a body.
  if (!(isTrusted(request) || isSmallBodyExpected(request)) || isUpload(request)) return;
  const contentType = request.headers['content-type'] ?? '';
  if (!JSON_TYPE.test(contentType)) {
    if (hasBody(request)) request.body = UNREAD_BODY;
    return;
  }
  requireUtf8(contentType);
  const fault = bodyFault(request);
  if (fault !== undefined) throw fault;
  await receive(request, response);
  const bytes = request.body as unknown;
  request.body = Buffer.isBuffer(bytes) ? parse(bytes) : undefined;
}

function isUpload({ method, url }: IncomingMessage): boolean {
  return method === 'PUT' && UPLOAD.test(url ?? '');
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function requireUtf8(contentType: string): void {
  const charset = CHARSET.exec(contentType)?.[1] ?? 'utf-8';
  if (!UTF_8.test(charset)) throw new DomainError('unsupported_media_type', 'JSON bodies must be in UTF-8.');
}

function receive(request: Request, response: Response): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DomainError('request_timeout', `The body did not arrive within ${BODY_TIMEOUT_MS / 1_000} s.`)),
      BODY_TIMEOUT_MS,
    );
    const read = isTrusted(request) ? readBytes : readFewBytes;
    read(request, response, (error?: unknown) => {
      clearTimeout(timer);
      if (error === undefined) resolve();
      else reject(toDomainError(error, isTrusted(request) ? LIMITS.jsonBodyBytes : STRANGER_BODY_BYTES));
    });
  });
}

function toDomainError(error: unknown, limit: number): DomainError {
  if (error instanceof DomainError) return error;
  const { status } = error as { status?: number };
  if (status === 413) return new DomainError('payload_too_large', `The JSON body has at most ${limit} bytes.`);
  if (status === 415) return new DomainError('unsupported_media_type', 'The Content-Encoding is not supported.');
  return new DomainError(
    'malformed_body',
    'The body could not be read: it is incomplete, or not encoded as announced.',
    {
      cause: error,
    },
  );
}

function parse(bytes: Buffer): object {
  if (bytes.length === 0) return {};
  const excess = jsonExcess(bytes, PAYLOAD_LIMITS);
  if (excess !== undefined) throw validationFailed([{ field: '', messages: [`must not have ${excess}`] }]);
  let body: unknown;
  try {
    body = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new DomainError('malformed_body', 'The body is not valid JSON in UTF-8.');
  }
  if (typeof body !== 'object' || body === null)
    throw new DomainError('malformed_body', 'The body must be a JSON object.');
  const fault = malformedText(body);
  if (fault !== undefined) throw validationFailed([fault]);
  return body;
}
