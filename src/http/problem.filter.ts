import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { Request, Response } from 'express';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { currentContext } from '../common/request-context.js';
import { ERROR_CODES } from '../common/errors/error-codes.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { toDomainError, toProblem } from './problem.js';

const DEFAULT_RETRY_AFTER_SECONDS = 5;

/** Answers every failed HTTP request with problem+json, and logs the details that the client does not see. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly translators: ErrorTranslators,
    @InjectPinoLogger(ProblemFilter.name) private readonly logger: PinoLogger,
  ) {}

  catch(thrown: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<Request>();
    const response = http.getResponse<Response>();
    const error = toDomainError(thrown, this.translators);
    const { status } = ERROR_CODES[error.code];
    currentContext()?.onError?.(error.code);
    // Work that fails because the client closed the connection is no fault of the server.
    if (status >= 500)
      this.logger[response.destroyed ? 'debug' : 'error'](
        { err: error.cause ?? error, code: error.code },
        error.message,
      );
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
    if (status === 429 || status === 503) {
      response.setHeader('Retry-After', String(error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_SECONDS));
    }
    response
      .status(status)
      .type('application/problem+json')
      .send(JSON.stringify(toProblem(error, String(request.id ?? ''))));
  }
}
