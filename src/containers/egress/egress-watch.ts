import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { EgressDenial } from '../../drivers/workspace-egress.js';
import { EgressPolicies } from '../../egress/egress-policies.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import { GatewayReports } from './gateway-reports.js';

const RETRY_DELAY_MS = { initial: 500, max: 15_000 };

/**
 * Follows refused connections at the engine, and makes the engine follow the rows: whenever the gateway is reached anew, every
 * workspace that is not open is given its policy again.
 */
@Injectable()
export class EgressWatch implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopped = new AbortController();
  private running: Promise<void> = Promise.resolve();

  constructor(
    private readonly containers: ContainersRepository,
    private readonly driver: WorkspaceDriver,
    private readonly policies: EgressPolicies,
    private readonly secrets: WorkspaceSecretsPublisher,
    private readonly reports: GatewayReports,
    private readonly clock: Clock,
    @InjectPinoLogger(EgressWatch.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.running = this.run();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopped.abort();
    await this.running;
    await this.reports.denials.flushed();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopped;
    let delayMs = RETRY_DELAY_MS.initial;
    while (!signal.aborted) {
      try {
        if (await this.isNeeded()) await this.follow(() => (delayMs = RETRY_DELAY_MS.initial));
        else delayMs = RETRY_DELAY_MS.initial;
      } catch (error) {
        this.logger.debug({ err: error }, 'The watch of refused connections ended and is restarted');
      }
      await this.clock.sleep(delayMs, signal);
      delayMs = Math.min(2 * delayMs, RETRY_DELAY_MS.max);
    }
  }

  /** Without a workspace there is no need of a gateway, which the driver would start. */
  private async isNeeded(): Promise<boolean> {
    if (!this.driver.capabilities.fence) return false;
    return (await this.containers.listAll()).some(({ runtimeId }) => runtimeId !== null);
  }

  private async follow(onReady: () => void): Promise<void> {
    const after = await this.reports.denials.lastOfEach();
    this.reports.modelProblems.clear();
    await this.driver.watchDenials(
      {
        after,
        onDenial: (denial: EgressDenial) => this.reports.denials.add(denial),
        onSpend: (id) => this.reports.spend.collectSoon(id),
        onModelProblem: (id, problem) => this.reports.modelProblems.report(id, problem),
        onReady: () => {
          onReady();
          void this.applyAll().catch((error: unknown) =>
            this.logger.warn({ err: error }, 'What containers may reach could not be applied'),
          );
        },
      },
      this.stopped.signal,
    );
  }

  /** One that is being changed just now gets it from who changes it. */
  private async applyAll(): Promise<void> {
    for (const row of await this.containers.listAll()) {
      if (this.stopped.signal.aborted) return;
      if (row.runtimeId === null || row.leaseHolder !== null) continue;
      try {
        if (row.egress !== 'open')
          await this.driver.setEgress(row.id, await this.policies.resolve(row), this.stopped.signal);
        await this.secrets.publish(row);
      } catch (error) {
        if (error instanceof DriverError && error.code === 'not_found') continue;
        this.logger.warn({ err: error, containerId: row.id }, 'What a container may reach could not be applied');
      }
    }
  }
}
