import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { Database } from '../persistence/database.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';

/** A probe of Kubernetes gives up after a second by default: what does not decide about it must not use that up. */
const LONGEST_DEGRADED_MS = 500;

/** Whether what DevForge stands on answers. */
@Injectable()
export class HealthIndicators {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly driver: WorkspaceDriver,
    private readonly database: Database,
    private readonly queue: ProvisioningQueue,
  ) {}

  docker(whenAway: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('docker', () => this.driver.ping(), whenAway);
  }

  databaseAnswers(): Promise<HealthIndicatorResult> {
    return this.ask('database', () => this.database.ping(), 'down');
  }

  queueAnswers(whenAway: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('queue', () => this.queue.ping(), whenAway);
  }

  private async ask(
    key: string,
    ping: () => Promise<void>,
    whenAway: 'down' | 'degraded',
  ): Promise<HealthIndicatorResult> {
    const session = this.indicator.check(key);
    try {
      await (whenAway === 'down' ? ping() : withTimeout(ping(), LONGEST_DEGRADED_MS));
      return session.up();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return whenAway === 'down' ? session.down({ message }) : session.degraded({ message });
    }
  }
}
