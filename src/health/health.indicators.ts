import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { messageOf } from '../common/errors/message-of.js';
import { withTimeout } from '../common/concurrency/with-timeout.js';
import { Database } from '../persistence/database.js';
import { ProvisioningQueue } from '../queues/provisioning-queue.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';

/** A Kubernetes probe times out after one second by default; a check that cannot fail it must not use up that time. */
const MAX_DEGRADED_MS = 500;

/** Checks the services that DevForge depends on. */
@Injectable()
export class HealthIndicators {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly driver: WorkspaceDriver,
    private readonly database: Database,
    private readonly queue: ProvisioningQueue,
  ) {}

  docker(whenUnavailable: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('docker', () => this.driver.ping(), whenUnavailable);
  }

  databaseAnswers(): Promise<HealthIndicatorResult> {
    return this.ask('database', () => this.database.ping(), 'down');
  }

  queueAnswers(whenUnavailable: 'down' | 'degraded' = 'down'): Promise<HealthIndicatorResult> {
    return this.ask('queue', () => this.queue.ping(), whenUnavailable);
  }

  private async ask(
    key: string,
    ping: () => Promise<void>,
    whenUnavailable: 'down' | 'degraded',
  ): Promise<HealthIndicatorResult> {
    const session = this.indicator.check(key);
    try {
      await (whenUnavailable === 'down' ? ping() : withTimeout(ping(), MAX_DEGRADED_MS));
      return session.up();
    } catch (error) {
      const message = messageOf(error);
      return whenUnavailable === 'down' ? session.down({ message }) : session.degraded({ message });
    }
  }
}
