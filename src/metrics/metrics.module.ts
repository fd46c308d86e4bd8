import { Global, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ContainersModule } from '../containers/containers.module.js';
import { LatestMetrics } from '../usage/latest-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGateway } from './metrics.gateway.js';
import { MetricsHub } from './sampling/metrics-hub.js';
import { EngineMetrics } from './prometheus/engine-metrics.js';
import { ScrapedMetrics } from './prometheus/scraped-metrics.js';
import { HttpMetrics } from './prometheus/http-metrics.js';
import { JobMetrics } from './prometheus/job-metrics.js';
import { PrometheusController } from './prometheus/prometheus.controller.js';
import { createRegistry } from './prometheus/registry.js';
import { RowMetrics } from './prometheus/row-metrics.js';
import { SocketMetrics } from './prometheus/socket-metrics.js';

/** Global, since lists of containers show the latest metrics through {@link LatestMetrics}. */
@Global()
@Module({
  imports: [ContainersModule],
  controllers: [MetricsController, PrometheusController],
  providers: [
    MetricsHub,
    { provide: LatestMetrics, useExisting: MetricsHub },
    MetricsGateway,
    { provide: Registry, useFactory: createRegistry },
    HttpMetrics,
    EngineMetrics,
    JobMetrics,
    SocketMetrics,
    RowMetrics,
    {
      provide: ScrapedMetrics,
      useFactory: (...metrics: ScrapedMetrics[]) => metrics,
      inject: [SocketMetrics, RowMetrics],
    },
  ],
  exports: [LatestMetrics],
})
export class MetricsModule {}
