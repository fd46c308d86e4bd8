export interface CountedFailures {
  count: number;
  windowStart: Date;
}

/** Failed sign-ins per account and address, counted for all replicas together. */
export abstract class SignInFailuresRepository {
  /**
   * Counts one more, in the key's window, which begins with its first failure and lasts `windowMs`. Concurrent callers get
   * different counts.
   */
  abstract add(key: string, now: Date, windowMs: number): Promise<CountedFailures>;
  /** Takes one back, unless its window has ended. */
  abstract takeBack(key: string, windowStart: Date): Promise<void>;
}
