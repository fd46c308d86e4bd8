import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Revocation } from '../../auth/revocation.js';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { ContainerCredentials } from '../../credentials/container-credentials.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';

/** After which a look that failed is repeated. */
const RETRY_MS = 2_000;

/**
 * Takes secrets from the gateway that a container may not use any more, since their user was disabled or deleted or has left the
 * project. As revocation in general it takes effect within five seconds, whichever process made the change.
 */
@Injectable()
export class SecretWithdrawal implements OnApplicationBootstrap, OnModuleDestroy {
  /** The ids that each container could use when it was looked at last. */
  private usable = new Map<string, string>();
  private isDue = false;
  private readonly task: PeriodicTask;
  private stopListening: () => void = () => undefined;

  constructor(
    private readonly revocation: Revocation,
    private readonly containers: ContainersRepository,
    private readonly credentials: ContainerCredentials,
    private readonly secrets: WorkspaceSecretsPublisher,
    clock: Clock,
    @InjectPinoLogger(SecretWithdrawal.name) logger: PinoLogger,
  ) {
    this.task = new PeriodicTask(clock, () => this.look(), {
      intervalMs: RETRY_MS,
      onError: (error) => logger.warn({ err: error }, 'Secrets that may not be used any more could not be withdrawn'),
    });
  }

  onApplicationBootstrap(): void {
    this.stopListening = this.revocation.onChange(() => {
      this.isDue = true;
      this.task.trigger();
    });
    this.task.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopListening();
    await this.task.stop();
  }

  private async look(): Promise<void> {
    if (!this.isDue) return;
    this.isDue = false;
    try {
      const rows = (await this.containers.listAll()).filter(
        ({ runtimeId, credentials }) => runtimeId !== null && credentials.length > 0,
      );
      const ids = new Set(rows.map(({ id }) => id));
      for (const id of this.usable.keys()) if (!ids.has(id)) this.usable.delete(id);
      for (const row of rows) await this.lookAt(row);
    } catch (error) {
      this.isDue = true;
      throw error;
    }
  }

  /** Nothing is withdrawn by publishing what was published before, and each time would be a use. */
  private async lookAt(row: ContainerRow): Promise<void> {
    const usable = (await this.credentials.usable(row)).map(({ id }) => id).join(' ');
    if (usable !== (this.usable.get(row.id) ?? row.credentials.join(' '))) await this.secrets.publish(row);
    this.usable.set(row.id, usable);
  }
}
