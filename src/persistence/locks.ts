/** Named locks across processes. The locks of a process are released when it dies. */
export abstract class Locks {
  /** Waits for the lock and holds it while `work` runs. */
  abstract withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
}
