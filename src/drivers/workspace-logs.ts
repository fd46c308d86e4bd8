export interface LogRequest {
  /** Follow new output until the workspace stops. */
  follow: boolean;
  /**
   * At most this many of the latest requested lines, in one batch; all lines when omitted. Fewer when they are very
   * long. With `follow` the number is approximate, and the first line may lack its beginning.
   */
  tail?: number;
  /** Lines from this time on: RFC 3339, to the nanosecond. */
  since?: string;
  until?: string;
  stdout: boolean;
  stderr: boolean;
  /** Of the lines of these streams, those that are requested; `tail` counts them alone. Without `follow`. */
  wants?: (record: LogRecord) => boolean;
  signal: AbortSignal;
}

/** One line of a workspace's output. */
export interface LogRecord {
  stream: 'stdout' | 'stderr';
  /** When the engine received it: RFC 3339 with nine fractional digits, so that text order is time order. */
  timestamp: string;
  /** Without its line break. Lines over 1 MiB arrive in pieces. */
  message: string;
  /** What the line names as its source, set by readers of a log. */
  source?: string;
  /** The log ends in the middle of this line, which continues unless the workspace has stopped. */
  isUnfinished?: true;
}
