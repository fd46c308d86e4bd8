import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/clock.js';
import { isId } from '../common/ids.js';
import { ContainersRepository } from '../persistence/containers.repository.js';
import { ContainerRuntime } from '../runtime/container-runtime.js';
import { LABEL_ID } from '../runtime/labels.js';
import { ContainerRemoval } from './container-removal.js';

const DAY_MS = 24 * 60 * 60_000;
const KEEP_IDEMPOTENCY_KEYS_MS = DAY_MS;
const KEEP_TOMBSTONES_MS = 30 * DAY_MS;

/** What a removed container left at the engine, as when a process was cut off while it made something. */
@Injectable()
export class Leftovers {
  constructor(
    private readonly runtime: ContainerRuntime,
    private readonly containers: ContainersRepository,
    private readonly removal: ContainerRemoval,
    private readonly clock: Clock,
    @InjectPinoLogger(Leftovers.name) private readonly logger: PinoLogger,
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
