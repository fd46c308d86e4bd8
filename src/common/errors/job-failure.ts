import { plainText } from '../plain-text.js';
import { DomainError } from './domain-error.js';
import { ERROR_CODES, type ErrorCode } from './error-codes.js';

const MAX_LINE_LENGTH = 1_000;

/** The failure of a provisioning job, with a code and a message for the owner of the container. */
export class JobFailure extends Error {
  readonly retryable: boolean;
  readonly output: string[] | undefined;

  /**
   * @param options.retryable whether the same job can succeed later without a change
   * @param options.output last lines of what failed, kept without control characters
   */
  constructor(
    readonly code: string,
    message: string,
    options: { retryable?: boolean; output?: string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'JobFailure';
    this.retryable = options.retryable ?? false;
    this.output = options.output?.map((line) => plainText(line, MAX_LINE_LENGTH));
  }
}

/** What a client is told whose own request failed in this way, as a start without the SSH key. */
export function jobFailureToDomainError(error: unknown): DomainError | undefined {
  if (!(error instanceof JobFailure)) return undefined;
  const code = error.code in ERROR_CODES ? (error.code as ErrorCode) : 'engine_error';
  return new DomainError(code, error.message, { cause: error });
}
