import { Injectable } from '@nestjs/common';
import { Semaphore } from '../common/concurrency/semaphore.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import { workspaceOf } from '../workspace/workspace-ref.js';

const MIB = 1024 * 1024;
/** Each measurement starts a process in its container. More than one, so that one large container does not delay the others. */
const MAX_MEASUREMENTS = 2;

/** Disk usage of containers: workspace volume and writable layer. Measuring walks all files, so the last value is kept. */
@Injectable()
export class DiskUsage {
  private readonly lastMB = new Map<string, number>();
  private readonly measuring = new Map<string, Promise<number>>();
  private readonly measurements = new Semaphore(MAX_MEASUREMENTS);

  constructor(private readonly driver: WorkspaceDriver) {}

  /** The last measured usage in MiB, or undefined. */
  last(id: string): number | undefined {
    return this.lastMB.get(id);
  }

  /** Measures a running container; concurrent calls share one measurement. @returns MiB */
  measure(row: ContainerRow, signal?: AbortSignal): Promise<number> {
    const known = this.measuring.get(row.id);
    if (known !== undefined) return known;
    const measured = this.measurements
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
