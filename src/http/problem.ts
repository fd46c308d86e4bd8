import { HttpException } from '@nestjs/common';
import { DomainError, type FieldError } from '../common/errors/domain-error.js';
import type { ErrorTranslator } from '../common/errors/error-translators.js';
import { ERROR_CODES, type ErrorCode } from '../common/errors/error-codes.js';

/** RFC 9457 problem document, the body of every failed REST call. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: ErrorCode;
  requestId: string;
  errors?: FieldError[];
  [extension: string]: unknown;
}

const CODE_OF_STATUS: Record<number, ErrorCode> = {
  400: 'malformed_body',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'route_not_found',
  405: 'method_not_allowed',
  408: 'request_timeout',
  412: 'precondition_failed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'too_many_requests',
};

/**
 * The error that a client sees: domain errors unchanged, HTTP exceptions of the framework by their status, errors of
 * ports by the translators, anything else as `internal_error` without its message.
 */
export function toDomainError(error: unknown, translators: readonly ErrorTranslator[] = []): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof HttpException) {
    const code = CODE_OF_STATUS[error.getStatus()];
    if (code !== undefined) return new DomainError(code, error.message, { cause: error });
  }
  for (const translate of translators) {
    const translated = translate(error);
    if (translated !== undefined) return translated;
  }
  return new DomainError('internal_error', 'The details are in the log of the server, under the request id.', {
    cause: error,
  });
}

export function toProblem(error: DomainError, requestId: string): Problem {
  const { status, title } = ERROR_CODES[error.code];
  return {
    type: `/docs/errors#${error.code}`,
    title,
    status,
    detail: error.message,
    code: error.code,
    requestId,
    ...(error.fields === undefined ? {} : { errors: error.fields }),
    ...error.extensions,
  };
}
