import type { ErrorCode } from './error-codes.js';

export interface FieldError {
  field: string;
  messages: string[];
}

type Extensions = Record<string, string | number | boolean | null | readonly object[]>;

export interface DomainErrorOptions {
  /** The invalid fields of the request. */
  fields?: FieldError[];
  /** Seconds until a retry can succeed; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Extension members of the problem document. */
  extensions?: Extensions;
  cause?: unknown;
}

/** The error type of all services. The HTTP filter converts it to problem+json, the gateways to a socket error. */
export class DomainError extends Error {
  readonly fields: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Extensions;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: DomainErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'DomainError';
    this.fields = options.fields;
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.extensions = options.extensions ?? {};
  }
}
