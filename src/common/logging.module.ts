import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DynamicModule } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { Settings } from '../config/settings.js';
import { reportOf } from './errors/error-report.js';
import { escapeControls, showControls } from './log-line.js';

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

const isPretty = ({ nodeEnv }: Settings): boolean => nodeEnv === 'development' && process.stdout.isTTY;

/** The request id of the client if it is short and printable, otherwise a new one. The response header repeats it. */
function requestId(request: IncomingMessage, response: ServerResponse): string {
  const sent = request.headers['x-request-id'];
  const id = typeof sent === 'string' && REQUEST_ID.test(sent) ? sent : randomUUID();
  response.setHeader('X-Request-Id', id);
  return id;
}

/** pino-http hands over what pino makes of an error, with the error itself as `raw`. */
function describeError(error: { raw?: unknown } | null): object {
  return reportOf(error?.raw ?? error);
}

/**
 * Structured JSON logs without secrets, with the request id in every record of a request.
 * A function rather than a constant: nestjs-pino provides only the loggers of classes that are loaded when it is called.
 */
export const loggingModule = (): DynamicModule =>
  LoggerModule.forRootAsync({
    inject: [Settings],
    useFactory: (settings: Settings) => ({
      pinoHttp: {
        level: settings.logLevel,
        hooks: { streamWrite: isPretty(settings) ? showControls : escapeControls },
        genReqId: requestId,
        redact: { paths: SECRETS, censor: '[redacted]' },
        // Probes and scrapes arrive every few seconds and would fill the log.
        autoLogging: {
          ignore: (request: IncomingMessage) =>
            request.url === '/metrics' || (request.url?.startsWith('/health') ?? false),
        },
        customLogLevel: (_: IncomingMessage, response: ServerResponse, error?: Error) =>
          error !== undefined || response.statusCode >= 500 ? 'error' : 'info',
        serializers: {
          err: describeError,
          req: ({ id, method, url }: { id: string; method: string; url: string }) => ({
            id,
            method,
            url: url.split('?')[0],
          }),
          res: ({ statusCode }: { statusCode: number }) => ({ statusCode }),
        },
        ...(isPretty(settings) ? { transport: { target: 'pino-pretty', options: { singleLine: true } } } : {}),
      },
    }),
  });
