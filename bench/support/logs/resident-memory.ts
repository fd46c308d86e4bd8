import { usageOf } from '../process-usage.js';

const LOOK_EVERY_MS = 100;

/** Watches how far a process's resident memory grows over what it was, in MB. */
export class ResidentMemory {
  private readonly timer: NodeJS.Timeout;
  private highest: number;

  private constructor(
    pid: number,
    private readonly before: number,
  ) {
    this.highest = before;
    this.timer = setInterval(
      () =>
        void usageOf(pid)
          .then(({ residentMB }) => (this.highest = Math.max(this.highest, residentMB)))
          .catch(() => undefined),
      LOOK_EVERY_MS,
    );
  }

  static async watch(pid: number): Promise<ResidentMemory> {
    return new ResidentMemory(pid, (await usageOf(pid)).residentMB);
  }

  /** @returns by how much it was higher at its highest */
  stop(): number {
    clearInterval(this.timer);
    return this.highest - this.before;
  }
}
