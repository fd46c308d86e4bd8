import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { isId } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';

const DAY_MS = 24 * 60 * 60_000;
const KEEP_IDEMPOTENCY_KEYS_MS = DAY_MS;
const KEEP_TOMBSTONES_MS = 30 * DAY_MS;

/** Removes what deleted containers left at the engine, as when a process was killed while it created something. */
@Injectable()
export class OrphanSweeper {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly containers: ContainersRepository,
    private readonly clock: Clock,
    @InjectPinoLogger(OrphanSweeper.name) private readonly logger: PinoLogger,
  ) {}

  /** An engine object is an orphan when its container has a tombstone; without any row it belongs to somebody else. */
  async sweep(): Promise<void> {
    const removed = await this.driver.sweep(async (ids) => {
      const tombstones = await this.containers.tombstones(ids.filter(isId));
      return tombstones.map(({ id, keepVolume }) => ({ id, keepData: keepVolume }));
    });
    for (const containerId of removed) this.logger.info({ containerId }, 'Removed the remains of a deleted container');
    const now = this.clock.now().getTime();
    await this.containers.purge({
      idempotencyKeys: new Date(now - KEEP_IDEMPOTENCY_KEYS_MS),
      tombstones: new Date(now - KEEP_TOMBSTONES_MS),
    });
  }
}
