import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

/** Whether this process accepts requests: from the end of its startup to the beginning of its shutdown. */
@Injectable()
export class Readiness implements OnApplicationBootstrap, OnModuleDestroy, BeforeApplicationShutdown {
  private state: 'starting' | 'ready' | 'shutting down' = 'starting';

  constructor(private readonly indicator: HealthIndicatorService) {}

  onApplicationBootstrap(): void {
    this.state = 'ready';
  }

  onModuleDestroy(): void {
    this.state = 'shutting down';
  }

  beforeApplicationShutdown(): void {
    this.state = 'shutting down';
  }

  check(): HealthIndicatorResult {
    const session = this.indicator.check('process');
    return this.state === 'ready' ? session.up() : session.down({ message: this.state });
  }
}
