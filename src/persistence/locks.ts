/** Locks that hold across processes. A process that dies lets go of them. */
export abstract class Locks {
  /** Waits for the lock, then runs `work` under it. */
  abstract withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
}
