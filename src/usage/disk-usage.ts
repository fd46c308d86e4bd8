import { Injectable } from '@nestjs/common';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { workspaceOf } from '../workspace/workspace-ref.js';

const MIB = 1024 * 1024;
/** Few, since each one starts a process in its container, and more than one, so that a container whose files take long does not keep the others waiting. */
const AT_ONCE = 2;

/** What containers take on disk: the workspace volume and the writable layer. Measuring walks the files, so the last figure is kept. */
@Injectable()
export class DiskUsage {
  private readonly lastMB = new Map<string, number>();
  private readonly measuring = new Map<string, Promise<number>>();
  private readonly waiting: (() => void)[] = [];
  private busy = 0;

  constructor(private readonly driver: WorkspaceDriver) {}

  /** MiB when it was last measured, or undefined. */
  last(id: string): number | undefined {
    return this.lastMB.get(id);
  }

  /** Measures a running container; whoever asks while that goes on gets the same answer. @returns MiB */
  measure(row: ContainerRow, signal?: AbortSignal): Promise<number> {
    const known = this.measuring.get(row.id);
    if (known !== undefined) return known;
    const measured = this.inTurn(() => this.walk(row, signal))
      .then((usedMB) => {
        if (this.measuring.get(row.id) === measured) this.lastMB.set(row.id, usedMB);
        return usedMB;
      })
      .finally(() => {
        if (this.measuring.get(row.id) === measured) this.measuring.delete(row.id);
      });
    this.measuring.set(row.id, measured);
    return measured;
  }

  forget(id: string): void {
    this.lastMB.delete(id);
    this.measuring.delete(id);
  }

  private async inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.busy === AT_ONCE) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.busy += 1;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next === undefined) this.busy -= 1;
      else next();
    }
  }

  private async walk(row: ContainerRow, signal?: AbortSignal): Promise<number> {
    const bytes = await this.driver.diskBytes(workspaceOf(row), signal);
    return Math.ceil(bytes / MIB);
  }
}
