/** A response that is not HTTP/1.x, or ambiguous about where its body ends. */
export class InvalidResponseError extends Error {
  /** @param mayBeTls whether it could be the answer of a program that expects TLS */
  constructor(
    message: string,
    readonly mayBeTls = false,
  ) {
    super(message);
  }
}
