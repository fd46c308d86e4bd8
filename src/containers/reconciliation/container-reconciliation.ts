import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { ContainerLeases, type HeldContainerLease } from '../../leases/container-leases.js';
import { namesOf } from '../../workspace/container-names.js';
import { ContainerRepairs } from './container-repairs.js';
import { ContainerStore, NotHeldError } from '../lifecycle/container-store.js';
import { decide, type Decision } from './reconcile-decision.js';
import { PROVISIONING } from '../lifecycle/state-table.js';

/** A container that ended this long ago, with the engine there all the time, was meant to end. */
export const MEANT_TO_STOP_MS = 10_000;

/** Brings one container's row and the engine into agreement, whichever of the two is behind. */
@Injectable()
export class ContainerReconciliation {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly store: ContainerStore,
    private readonly leases: ContainerLeases,
    private readonly runtime: ContainerEngine,
    private readonly repairs: ContainerRepairs,
    private readonly clock: Clock,
    @InjectPinoLogger(ContainerReconciliation.name) private readonly logger: PinoLogger,
  ) {}

  /** @throws RuntimeError when the engine does not answer; nothing was changed then */
  async reconcileAll(engineWasAway: boolean): Promise<void> {
    await this.runtime.engine.ping();
    for (const row of await this.containers.listAll()) {
      await this.reconcile(row, engineWasAway).catch((error: unknown) => {
        if (error instanceof NotHeldError) return;
        this.logger.warn(
          { err: error, containerId: row.id },
          'A container could not be brought into agreement with the engine',
        );
      });
    }
  }

  async reconcileOne(id: string): Promise<void> {
    const row = await this.containers.findById(id);
    if (row !== null) await this.reconcile(row, false);
  }

  private async reconcile(seen: ContainerRow, engineWasAway: boolean): Promise<void> {
    // What waits for a worker is woken without taking the container from it.
    if (PROVISIONING.includes(seen.status) && seen.leaseHolder === null) return this.wakeOrRepair(seen, engineWasAway);
    if (seen.leaseHolder !== null && (await this.isHeld(seen))) return;
    const decision = await this.decideFor(seen, engineWasAway);
    if (decision.do === 'nothing') return this.settle(seen, engineWasAway);
    await this.leases.tryWithLease(seen.id, async (held) => {
      const row = await this.containers.findById(seen.id);
      if (row === null) return;
      await this.apply(await this.decideFor(row, engineWasAway), row, held);
    });
  }

  private async wakeOrRepair(row: ContainerRow, engineWasAway: boolean): Promise<void> {
    const decision = await this.decideFor(row, engineWasAway);
    if (decision.do === 'nothing') return;
    if (decision.do === 'wake') return this.repairs.wake(row);
    await this.leases.tryWithLease(row.id, async (held) => {
      const present = await this.containers.findById(row.id);
      if (present !== null) await this.apply(await this.decideFor(present, engineWasAway), present, held);
    });
  }

  private async isHeld(row: ContainerRow): Promise<boolean> {
    return row.leaseExpiresAt !== null && row.leaseExpiresAt > this.clock.now();
  }

  private async decideFor(row: ContainerRow, engineWasAway: boolean): Promise<Decision> {
    const needsEngine = !PROVISIONING.includes(row.status) && row.status !== 'failed' && row.status !== 'deleting';
    const [job, workspace] = await Promise.all([
      row.jobId === null ? null : this.jobs.findById(row.jobId),
      needsEngine ? this.runtime.containers.inspect(namesOf(row.id).workspace) : null,
    ]);
    return decide(row, job, { now: this.clock.now(), workspace, engineWasAway });
  }

  private async apply(decision: Decision, row: ContainerRow, held: HeldContainerLease): Promise<void> {
    if (decision.do === 'nothing') return;
    this.logger.info({ containerId: row.id, status: row.status, ...decision }, 'Row and engine disagree');
    switch (decision.do) {
      case 'mark':
        await this.store.transition(row.id, decision.status, {
          lease: held.lease,
          reason: decision.reason ?? undefined,
        });
        return;
      default:
        await this.repairs.repair(decision.do, row, held);
    }
  }

  /** A container that was stopped by hand stays stopped when the engine comes back. */
  private async settle(row: ContainerRow, engineWasAway: boolean): Promise<void> {
    const ended = this.clock.now().getTime() - row.updatedAt.getTime();
    if (row.status !== 'stopped' || !row.desiredRunning || engineWasAway || ended < MEANT_TO_STOP_MS) return;
    await this.leases.tryWithLease(row.id, ({ lease }) => this.store.update(row.id, { desiredRunning: false }, lease));
  }
}
