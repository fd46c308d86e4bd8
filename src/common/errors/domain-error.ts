import type { ErrorCode } from './error-codes.js';

export interface FieldError {
  field: string;
  messages: string[];
}

export interface DomainErrorOptions {
  /** What went wrong with which part of the request. */
  fields?: FieldError[];
  /** Seconds after which trying again makes sense; sent as `Retry-After`. */
  retryAfterSeconds?: number;
  /** Further members of the problem document. */
  extensions?: Record<string, string | number | boolean | null>;
  cause?: unknown;
}

/** The one error that services throw. The edge turns it into problem+json or a socket error. */
export class DomainError extends Error {
  readonly fields: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extensions: Record<string, string | number | boolean | null>;

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
