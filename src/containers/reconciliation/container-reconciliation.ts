import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainerLeases, type HeldContainerLease } from '../../leases/container-leases.js';
import { ContainerRepairs } from './container-repairs.js';
import { NotHeldError } from '../lifecycle/container-store.js';
import { decide, type Decision } from './reconcile-decision.js';
import { PROVISIONING } from '../lifecycle/state-table.js';
import { EVERYTHING } from '../../persistence/everything.js';

/** A container that exited this long ago, while the engine was available, was stopped on purpose. */
export const STOPPED_ON_PURPOSE_MS = 10_000;

/** Compares the row of a container with the engine, and corrects whichever is behind. */
@Injectable()
export class ContainerReconciliation {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly leases: ContainerLeases,
    private readonly driver: WorkspaceDriver,
    private readonly repairs: ContainerRepairs,
    private readonly clock: Clock,
    @InjectPinoLogger(ContainerReconciliation.name) private readonly logger: PinoLogger,
  ) {}

  /** @throws DriverError when the engine does not answer; nothing was changed then */
  async reconcileAll(engineWasAway: boolean): Promise<void> {
    await this.driver.ping();
    for (const row of await this.containers.listAll()) {
      await this.reconcile(row, engineWasAway).catch((error: unknown) => {
        if (error instanceof NotHeldError) return;
        this.logger.warn({ err: error, containerId: row.id }, 'A container could not be reconciled with the engine');
      });
    }
  }

  async reconcileOne(id: string): Promise<void> {
    const row = await this.containers.findById(id, EVERYTHING);
    if (row !== null) await this.reconcile(row, false);
  }

  private async reconcile(seen: ContainerRow, engineWasAway: boolean): Promise<void> {
    // A waiting job is woken without taking the container's lease from its worker.
    if (PROVISIONING.includes(seen.status) && seen.leaseHolder === null) return this.wakeOrRepair(seen, engineWasAway);
    if (seen.leaseHolder !== null && (await this.isHeld(seen))) return;
    const decision = await this.decideFor(seen, engineWasAway);
    if (decision.do === 'nothing') return this.settle(seen, engineWasAway);
    await this.leases.tryWithLease(seen.id, async (held) => {
      const row = await this.containers.findById(seen.id, [seen.projectId]);
      if (row === null) return;
      await this.apply(await this.decideFor(row, engineWasAway), row, held);
    });
  }

  private async wakeOrRepair(row: ContainerRow, engineWasAway: boolean): Promise<void> {
    const decision = await this.decideFor(row, engineWasAway);
    if (decision.do === 'nothing') return;
    if (decision.do === 'wake') return this.repairs.wake(row);
    await this.leases.tryWithLease(row.id, async (held) => {
      const present = await this.containers.findById(row.id, [row.projectId]);
      if (present !== null) await this.apply(await this.decideFor(present, engineWasAway), present, held);
    });
  }

  private async isHeld(row: ContainerRow): Promise<boolean> {
    return row.leaseExpiresAt !== null && row.leaseExpiresAt > this.clock.now();
  }

  private async decideFor(row: ContainerRow, engineWasAway: boolean): Promise<Decision> {
    const needsEngine = !PROVISIONING.includes(row.status) && row.status !== 'failed' && row.status !== 'deleting';
    const [job, workspace] = await Promise.all([
      row.jobId === null ? null : this.jobs.findById(row.jobId, [row.projectId]),
      needsEngine ? this.driver.observe(row.id) : null,
    ]);
    return decide(row, job, { now: this.clock.now(), workspace, engineWasAway });
  }

  private async apply(decision: Decision, row: ContainerRow, held: HeldContainerLease): Promise<void> {
    if (decision.do === 'nothing') return;
    this.logger.info(
      { containerId: row.id, status: row.status, ...decision },
      'The row of a container differs from the engine',
    );
    await this.repairs.repair(decision, row, held);
  }

  /** A container that was stopped outside DevForge stays stopped when the engine restarts. */
  private async settle(row: ContainerRow, engineWasAway: boolean): Promise<void> {
    const ended = this.clock.now().getTime() - row.updatedAt.getTime();
    if (row.status !== 'stopped' || !row.desiredRunning || engineWasAway || ended < STOPPED_ON_PURPOSE_MS) return;
    await this.leases.tryWithLease(row.id, ({ lease }) => this.repairs.keepStopped(row, lease));
  }
}
