import { Controller, Get, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { Public } from '../auth/requires.js';
import { HealthFilter } from './health.filter.js';
import { HealthIndicators } from './health.indicators.js';
import { ModelApiIndicator } from './model-api.indicator.js';
import { Readiness } from './readiness.js';

@ApiTags('health')
@Public()
@UseFilters(HealthFilter)
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicators,
    private readonly modelApi: ModelApiIndicator,
    private readonly readiness: Readiness,
  ) {}

  @Get()
  @HealthCheck()
  @ApiOperation({
    summary:
      'For people and monitors: 503 that names what is unavailable; degraded while the API of the model refuses containers',
  })
  check(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.indicators.docker(),
      () => this.indicators.databaseWorks(),
      () => this.indicators.queueAnswers(),
      () => this.modelApi.check(),
    ]);
  }

  @Get('live')
  @ApiOperation({ summary: 'For Kubernetes: fails only when the process hangs' })
  @ApiResponse({
    status: 200,
    description: 'The process answers',
    schema: { type: 'object', required: ['status'], properties: { status: { type: 'string', enum: ['ok'] } } },
  })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  @HealthCheck()
  @ApiOperation({
    summary:
      'For Kubernetes: 503 while starting, shutting down or without the database; degraded without the engine or the queue',
  })
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.readiness.check(),
      () => this.indicators.databaseAnswers(),
      () => this.indicators.docker('degraded'),
      () => this.indicators.queueAnswers('degraded'),
    ]);
  }
}
