import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { isId } from '../../common/id-generator.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { ContainerEngine } from '../../drivers/docker/engine/container-engine.js';
import { LABEL_ID } from '../../drivers/docker/labels.js';
import { ContainerRemoval } from '../lifecycle/container-removal.js';

const DAY_MS = 24 * 60 * 60_000;
const KEEP_IDEMPOTENCY_KEYS_MS = DAY_MS;
const KEEP_TOMBSTONES_MS = 30 * DAY_MS;

/** What a removed container left at the engine, as when a process was cut off while it made something. */
@Injectable()
export class OrphanSweeper {
  constructor(
    private readonly runtime: ContainerEngine,
    private readonly containers: ContainersRepository,
    private readonly removal: ContainerRemoval,
    private readonly clock: Clock,
    @InjectPinoLogger(OrphanSweeper.name) private readonly logger: PinoLogger,
  ) {}

  /** Removes objects whose container is known and removed. What no row knows belongs to somebody else and stays. */
  async sweep(): Promise<void> {
    const [found, volumes] = await Promise.all([
      this.runtime.containers.list(LABEL_ID),
      this.runtime.volumes.list(LABEL_ID),
    ]);
    const ids = new Set([...found, ...volumes].flatMap(({ labels }) => labels[LABEL_ID] ?? []));
    const withContainers = new Set(found.flatMap(({ labels }) => labels[LABEL_ID] ?? []));
    for (const { id, keepVolume } of await this.containers.tombstones([...ids].filter(isId))) {
      // A kept volume alone is no leftover.
      if (keepVolume && !withContainers.has(id)) continue;
      this.logger.info({ containerId: id }, 'Removing what a removed container left behind');
      await this.removal.removeObjects(id, keepVolume);
    }
    const now = this.clock.now().getTime();
    await this.containers.purge({
      idempotencyKeys: new Date(now - KEEP_IDEMPOTENCY_KEYS_MS),
      tombstones: new Date(now - KEEP_TOMBSTONES_MS),
    });
  }
}
