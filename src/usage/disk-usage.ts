import { Injectable } from '@nestjs/common';
import { Semaphore } from '../common/concurrency/semaphore.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { workspaceOf } from '../workspace/workspace-ref.js';

const MIB = 1024 * 1024;
/** Each measurement runs a process in its container; with two, one slow container does not block the others. */
const MAX_CONCURRENT = 2;

/** Measures the disk space that containers take: workspace volume and writable layer. Measuring is slow, so the last value is kept. */
@Injectable()
export class DiskUsage {
  private readonly lastMB = new Map<string, number>();
  private readonly measuring = new Map<string, Promise<number>>();
  private readonly semaphore = new Semaphore(MAX_CONCURRENT);

  constructor(private readonly driver: WorkspaceDriver) {}

  /** The last measured usage in MiB, or undefined. */
  last(id: string): number | undefined {
    return this.lastMB.get(id);
  }

  /** Measures a running container; concurrent callers share one measurement. @returns MiB */
  measure(row: ContainerRow, signal?: AbortSignal): Promise<number> {
    const known = this.measuring.get(row.id);
    if (known !== undefined) return known;
    const measured = this.semaphore
      .run(() => this.walk(row, signal))
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

  private async walk(row: ContainerRow, signal?: AbortSignal): Promise<number> {
    const bytes = await this.driver.diskBytes(workspaceOf(row), signal);
    return Math.ceil(bytes / MIB);
  }
}
