import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Settings } from '../config/settings.js';

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;
const SECRETS = [
  'req.headers.authorization',
  'req.headers.cookie',
  'res.headers["set-cookie"]',
  '*.password',
  '*.token',
  '*.env',
  '*.ANTHROPIC_API_KEY',
  '*.CLAUDE_CODE_OAUTH_TOKEN',
];

/** The client's own request id when it is harmless, else a new one; either way it is in the answer. */
function requestId(request: IncomingMessage, response: ServerResponse): string {
  const sent = request.headers['x-request-id'];
  const id = typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
  response.setHeader('X-Request-Id', id);
  return id;
}

/**
 * Structured logs, one line a record, with the request id on each line of a request and without secrets.
 * Called once every class is loaded, since nestjs-pino provides the loggers that were asked for by then.
 */
export const loggingModule = (): DynamicModule =>
  LoggerModule.forRootAsync({
    inject: [Settings],
    useFactory: (settings: Settings) => ({
      pinoHttp: {
        level: settings.logLevel,
        genReqId: requestId,
        redact: { paths: SECRETS, censor: '[redacted]' },
        // Probes and scrapes come every few seconds.
        autoLogging: {
          ignore: (request: IncomingMessage) =>
            request.url === '/metrics' || (request.url?.startsWith('/health') ?? false),
        },
        customLogLevel: (_: IncomingMessage, response: ServerResponse, error?: Error) =>
          error !== undefined || response.statusCode >= 500 ? 'error' : 'info',
        serializers: {
          req: ({ id, method, url }: { id: string; method: string; url: string }) => ({
            id,
            method,
            url: url.split('?')[0],
          }),
          res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
        },
        ...(settings.nodeEnv === 'development' && process.stdout.isTTY
          ? { transport: { target: 'pino-pretty', options: { singleLine: true } } }
          : {}),
      },
    }),
  });
