import { Global, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ContainersModule } from '../containers/containers.module.js';
import { LatestMetrics } from '../containers/latest-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGateway } from './metrics.gateway.js';
import { MetricsHub } from './metrics-hub.js';
import { EngineFigures } from './prometheus/engine-figures.js';
import { ScrapedFigures } from './prometheus/figures.js';
import { HttpFigures } from './prometheus/http-figures.js';
import { JobFigures } from './prometheus/job-figures.js';
import { PrometheusController } from './prometheus/prometheus.controller.js';
import { createRegistry } from './prometheus/registry.js';
import { RowFigures } from './prometheus/row-figures.js';
import { SocketFigures } from './prometheus/socket-figures.js';
import { BestUsageSources } from './sources/best-usage-sources.js';
import { UsageSources } from './sources/usage-source.js';

/** Global, since lists of containers show the latest metrics through {@link LatestMetrics}. */
@Global()
@Module({
  imports: [ContainersModule],
  controllers: [MetricsController, PrometheusController],
  providers: [
    { provide: UsageSources, useClass: BestUsageSources },
    MetricsHub,
    { provide: LatestMetrics, useExisting: MetricsHub },
    MetricsGateway,
    { provide: Registry, useFactory: createRegistry },
    HttpFigures,
    EngineFigures,
    JobFigures,
    SocketFigures,
    RowFigures,
    {
      provide: ScrapedFigures,
      useFactory: (...figures: ScrapedFigures[]) => figures,
      inject: [SocketFigures, RowFigures],
    },
  ],
  exports: [LatestMetrics],
})
export class MetricsModule {}
