import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { namesOf } from '../workspace/container-names.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { ContainerEngine } from '../drivers/docker/engine/container-engine.js';

const GRACE_SECONDS = 2;

/** A container that failed holds no memory and no processor; what it left on disk stays for a look and another start. */
@Injectable()
export class FailedWorkspace {
  constructor(
    private readonly runtime: ContainerEngine,
    @InjectPinoLogger(FailedWorkspace.name) private readonly logger: PinoLogger,
  ) {}

  /** Whether the engine is there at all: what failed was one call of it, then. */
  engineAnswers(): Promise<boolean> {
    return this.runtime.engine.ping().then(
      () => true,
      () => false,
    );
  }

  async stop({ id }: ContainerRow): Promise<void> {
    const names = namesOf(id);
    try {
      for (const name of [names.workspace, names.gitAgent]) {
        const found = await this.runtime.containers.inspect(name);
        if (found?.state === 'running') await this.runtime.containers.stop(found.dockerId, GRACE_SECONDS);
      }
    } catch (error) {
      this.logger.warn({ err: error, containerId: id }, 'A failed container could not be stopped');
    }
  }
}
