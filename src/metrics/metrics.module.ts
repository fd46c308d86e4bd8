import { Global, Module } from '@nestjs/common';
import { ContainersModule } from '../containers/containers.module.js';
import { LatestMetrics } from '../containers/latest-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGateway } from './metrics.gateway.js';
import { MetricsHub } from './metrics-hub.js';
import { BestUsageSources } from './sources/best-usage-sources.js';
import { UsageSources } from './sources/usage-source.js';

/** Global, since lists of containers show the latest metrics through {@link LatestMetrics}. */
@Global()
@Module({
  imports: [ContainersModule],
  controllers: [MetricsController],
  providers: [{ provide: UsageSources, useClass: BestUsageSources }, MetricsHub, { provide: LatestMetrics, useExisting: MetricsHub }, MetricsGateway],
  exports: [LatestMetrics],
})
export class MetricsModule {}
