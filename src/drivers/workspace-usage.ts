/** Resource counters of one workspace. */
export interface UsageRecord {
  /** When it was read, in milliseconds of the epoch. */
  at: number;
  /** The same moment on a monotonic clock, in milliseconds. Only differences between records of one source are meaningful. */
  monotonicMs: number;
  /** CPU time since the start of the workspace, in seconds. */
  cpuSeconds: number;
  /** Memory in use, without reclaimable page cache. */
  memoryBytes: number;
  rxBytes: number;
  txBytes: number;
  pids: number;
}

/** Reads the usage of one workspace, for as long as it runs. */
export abstract class UsageSource {
  /** @throws DriverError when the workspace has stopped, or cannot be read any more */
  abstract read(): Promise<UsageRecord>;
  /** Ids of the processes that run Claude Code; undefined where processes are not visible. */
  abstract claudeProcesses(): number[] | undefined;
  abstract close(): void;
}
