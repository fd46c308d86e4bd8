import type { NestExpressApplication } from '@nestjs/platform-express';
import type { NextFunction, Request, Response } from 'express';
import type { IncomingMessage, Server } from 'node:http';

const JSON_LIMIT = '1mb';
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;
/** Uploads of files: whoever takes them reads them, at the client's pace. */
const UPLOAD = /^\/api\/containers\/[^/]+\/files\/?(?:\?|$)/i;
const BODY_TIMEOUT_MS = 300_000;
const REST_TIMEOUT_MS = 5_000;

/** How bodies are read: JSON up to a limit, uploads not here. */
export function setupRequestBodies(app: NestExpressApplication): void {
  // Node's own limit holds for all requests alike.
  (app.getHttpServer() as Server).requestTimeout = 0;
  app.use(limitTime);
  app.useBodyParser('json', {
    limit: JSON_LIMIT,
    type: (request) => !isUpload(request) && JSON_TYPE.test(request.headers['content-type'] ?? ''),
  });
  // The framework would add its own.
  app.useBodyParser('urlencoded', { extended: false, type: () => false });
}

function isUpload({ method, url }: IncomingMessage): boolean {
  return method === 'PUT' && UPLOAD.test(url ?? '');
}

/** A body has to arrive in time, and whoever was answered early has to stop sending. */
function limitTime(request: Request, response: Response, next: NextFunction): void {
  const cut = (): void => {
    if (!request.complete) request.destroy();
  };
  const timer = isUpload(request) ? undefined : setTimeout(cut, BODY_TIMEOUT_MS).unref();
  request.once('close', () => clearTimeout(timer));
  response.once('finish', () => {
    if (!request.complete) setTimeout(cut, REST_TIMEOUT_MS).unref();
  });
  next();
}
