import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainEvents } from '../../events/domain-events.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';

/** Gives the gateway the budgets of a project when they have changed. */
@Injectable()
export class ProjectBudgets implements OnApplicationBootstrap, OnModuleDestroy {
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly containers: ContainersRepository,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly events: DomainEvents,
    @InjectPinoLogger(ProjectBudgets.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('project.budget_changed', ({ projectId }) => this.publish(projectId));
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  private async publish(projectId: string): Promise<void> {
    for (const row of await this.containers.listAll()) {
      if (row.projectId !== projectId || row.runtimeId === null) continue;
      try {
        await this.secrets.publishBudgets(row);
      } catch (error) {
        this.logger.warn({ err: error, containerId: row.id }, 'The budget of a project could not be applied yet');
      }
    }
  }
}
