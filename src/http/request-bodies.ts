import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import type { IncomingMessage, Server } from 'node:http';
import { LIMITS } from '../common/limits.js';

const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
/** Uploads of files, which are streamed by their controller at the pace of the client. */
const UPLOAD = /^\/api\/containers\/[^/]+\/files\/?(?:\?|$)/i;
const BODY_TIMEOUT_MS = 300_000;
const UNREAD_BODY_TIMEOUT_MS = 5_000;

/** Parses JSON bodies up to a limit and leaves uploads unread. */
export function setupRequestBodies(app: NestExpressApplication): void {
  // Node's time-out applies to every request, uploads included; limitTime replaces it.
  (app.getHttpServer() as Server).requestTimeout = 0;
  app.use(limitTime);
  app.useBodyParser('json', {
    limit: LIMITS.jsonBodyBytes,
    type: (request) => !isUpload(request) && JSON_TYPE.test(request.headers['content-type'] ?? ''),
  });
  // Without this the framework parses form bodies.
  app.useBodyParser('urlencoded', { extended: false, type: () => false });
}

function isUpload({ method, url }: IncomingMessage): boolean {
  return method === 'PUT' && UPLOAD.test(url ?? '');
}

/** Ends requests whose body takes too long, and those that go on sending a body after the response. */
function limitTime(request: Request, response: Response, next: NextFunction): void {
  const abort = (): void => {
    if (!request.complete) request.destroy();
  };
  const timer = isUpload(request) ? undefined : setTimeout(abort, BODY_TIMEOUT_MS).unref();
  request.once('close', () => clearTimeout(timer));
  response.once('finish', () => {
    if (!request.complete) setTimeout(abort, UNREAD_BODY_TIMEOUT_MS).unref();
  });
  next();
}
