import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DriverError } from '../drivers/driver-error.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';

const GRACE_SECONDS = 2;

/** Stops the workspace of a failed container, so that it uses no memory or CPU; its disks stay for inspection and another start. */
@Injectable()
export class FailedWorkspace {
  constructor(
    private readonly driver: WorkspaceDriver,
    @InjectPinoLogger(FailedWorkspace.name) private readonly logger: PinoLogger,
  ) {}

  /** Whether the engine answers at all. */
  engineAnswers(): Promise<boolean> {
    return this.driver.ping().then(
      () => true,
      () => false,
    );
  }

  async stop({ id }: ContainerRow): Promise<void> {
    try {
      await this.driver.stop(id, GRACE_SECONDS);
    } catch (error) {
      if (error instanceof DriverError && error.code === 'not_found') return;
      this.logger.warn({ err: error, containerId: id }, 'A failed container could not be stopped');
    }
  }
}
