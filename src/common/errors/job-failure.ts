/** Why a job cannot go on, in words for its owner. */
export class JobFailure extends Error {
  readonly retryable: boolean;
  readonly output: string[] | undefined;

  /** @param options.retryable whether the same job may succeed later without a change */
  constructor(
    readonly code: string,
    message: string,
    options: { retryable?: boolean; output?: string[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'JobFailure';
    this.retryable = options.retryable ?? false;
    this.output = options.output;
  }
}
