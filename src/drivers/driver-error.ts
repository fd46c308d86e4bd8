export type DriverErrorCode =
  /** The engine does not answer, so nothing is known. */
  | 'unavailable'
  /** The engine answered with a failure of its own; a retry may succeed. */
  | 'failed'
  /** A command in a workspace ran longer than its timeout. */
  | 'timed_out'
  /** The named object does not exist. */
  | 'not_found'
  /** The engine refuses because of the object's current state. */
  | 'conflict'
  /** An object that DevForge did not create has a name that it needs. */
  | 'foreign'
  /** The engine refuses the request itself; a retry changes nothing. */
  | 'invalid'
  /** No space is left for images, containers or volumes. */
  | 'out_of_disk'
  /** The workspace was created by an older release and lacks what is asked for; it has to be created anew. */
  | 'outdated'
  /** An image build or pull failed; `output` holds its last lines. */
  | 'build_failed'
  /** A command in a workspace wrote more than the server takes. */
  | 'output_limit'
  /** The caller's signal aborted. */
  | 'aborted';

/**
 * What every method of a driver rejects with. Only `not_found` means that something is absent; after any other error
 * nothing is known about it.
 */
export class DriverError extends Error {
  constructor(
    readonly code: DriverErrorCode,
    message: string,
    readonly details: { output?: string[]; cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'DriverError';
  }
}

/** What an engine that answers, but cannot run workspaces, is refused with; nothing was asked of it. */
export class UnsuitableEngineError extends DriverError {
  constructor(reason: string) {
    super('unavailable', `The container engine cannot be used: ${reason}.`);
    this.name = 'UnsuitableEngineError';
  }
}
