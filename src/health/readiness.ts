import {
  type BeforeApplicationShutdown,
  Injectable,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
} from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';

/** Whether this process takes requests: not before its start is finished, nor once shutdown has begun. */
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
