import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';
import { ContainerCredentials, type UsableCredential } from '../credentials/container-credentials.js';
import { DriverError } from '../drivers/driver-error.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceSecrets } from '../drivers/workspace-egress.js';
import { modelApiUrl } from '../egress/model-api.js';
import { type BudgetHolder, SpendingRulesSource } from '../spend/spending-rules.js';
import { type AgentContainer, ModelCredential, modelHeader } from './model-credential.js';

/** Gives the gateway what it adds to the requests of a workspace, which never sees it. */
@Injectable()
export class WorkspaceSecretsPublisher {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly credentials: ContainerCredentials,
    private readonly model: ModelCredential,
    private readonly spending: SpendingRulesSource,
    private readonly settings: Settings,
    @InjectPinoLogger(WorkspaceSecretsPublisher.name) private readonly logger: PinoLogger,
  ) {}

  /** Whether the gateway can serve Claude Code in the container: it goes to no API of the container's own. */
  reachesModel({ env }: Pick<AgentContainer, 'env'>): boolean {
    return this.driver.capabilities.fence && env['ANTHROPIC_BASE_URL'] === undefined;
  }

  /**
   * Gives the gateway the secrets of a container that has a workspace; each is used by that.
   * @returns whether the gateway has them; not for a workspace of an earlier release, which has no way to it
   */
  async publish(container: AgentContainer): Promise<boolean> {
    if (!this.driver.capabilities.fence) return false;
    return this.isReached(async () => {
      // What is spent is counted from the first answer on.
      await this.driver.setSpending(container.id, await this.spending.of(container));
      await this.driver.setSecrets(container.id, await this.secretsOf(container));
    });
  }

  /** Gives the gateway the budgets alone, as {@link publish}. */
  async publishBudgets(container: BudgetHolder): Promise<boolean> {
    if (!this.driver.capabilities.fence) return false;
    return this.isReached(async () => this.driver.setSpending(container.id, await this.spending.of(container)));
  }

  /** Whether the gateway serves Claude Code in the container, and so counts what it spends. */
  async isMetered(container: AgentContainer): Promise<boolean> {
    return this.reachesModel(container) && (await this.model.of(container)) !== undefined;
  }

  private async isReached(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (error instanceof DriverError && (error.code === 'outdated' || error.code === 'not_found')) return false;
      throw error;
    }
  }

  private async secretsOf(container: AgentContainer): Promise<WorkspaceSecrets> {
    const usable = await this.credentials.usable(container);
    const git = await this.read(usable, 'git_https_token');
    const http = await this.read(usable, 'http_header');
    return {
      modelApi: await this.modelApi(container, usable),
      git: git.map(({ credential, value }) => ({
        host: credential.host!,
        username: credential.username!,
        token: value,
      })),
      http: http.map(({ credential, value }) => ({ host: credential.host!, header: credential.header!, value })),
    };
  }

  private async modelApi(container: AgentContainer, usable: UsableCredential[]): Promise<WorkspaceSecrets['modelApi']> {
    const variable = this.reachesModel(container) ? await this.model.of(container, usable) : undefined;
    if (variable === undefined) return null;
    const value = await this.orNull(container.id, variable.read());
    if (value === null) return null;
    const baseUrl = modelApiUrl(this.settings);
    return { baseUrl, ...modelHeader(variable.name, value) };
  }

  private async read(
    usable: UsableCredential[],
    kind: UsableCredential['kind'],
  ): Promise<{ credential: UsableCredential; value: string }[]> {
    const found = [];
    for (const credential of usable.filter((each) => each.kind === kind)) {
      const value = await this.orNull(credential.id, credential.use());
      if (value !== null) found.push({ credential, value });
    }
    return found;
  }

  /** One that cannot be used does not keep the others from being used. */
  private async orNull(id: string, reading: Promise<string>): Promise<string | null> {
    try {
      return await reading;
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.logger.warn({ err: error, id }, 'A credential cannot be used');
      return null;
    }
  }
}
