import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { ContainersModule } from '../containers/containers.module.js';
import { HealthController } from './health.controller.js';
import { HealthIndicators } from './health.indicators.js';
import { ModelApiIndicator } from './model-api.indicator.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [ContainersModule, TerminusModule.forRoot({ logger: false, errorLogStyle: 'json' })],
  controllers: [HealthController],
  providers: [HealthIndicators, ModelApiIndicator, Readiness],
})
export class HealthModule {}
