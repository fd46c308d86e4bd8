import { Global, Module } from '@nestjs/common';
import { Registry } from 'prom-client';
import { ContainersModule } from '../containers/containers.module.js';
import { EgressModule } from '../egress/egress.module.js';
import { LatestMetrics } from '../usage/latest-metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsGateway } from './metrics.gateway.js';
import { MetricsHub } from './sampling/metrics-hub.js';
import { EgressMetrics } from './prometheus/egress-metrics.js';
import { EngineMetrics } from './prometheus/engine-metrics.js';
import { ScrapedMetrics } from './prometheus/scraped-metrics.js';
import { HttpMetrics } from './prometheus/http-metrics.js';
import { JobMetrics } from './prometheus/job-metrics.js';
import { PrometheusController } from './prometheus/prometheus.controller.js';
import { createRegistry } from './prometheus/registry.js';
import { RowMetrics } from './prometheus/row-metrics.js';
import { SpendModule } from '../spend/spend.module.js';
import { WarmPoolMetrics } from './prometheus/warm-pool-metrics.js';
import { SpendMetrics } from './prometheus/spend-metrics.js';
import { SocketMetrics } from './prometheus/socket-metrics.js';

/** Global, since lists of containers show the latest metrics through {@link LatestMetrics}. */
@Global()
@Module({
  imports: [ContainersModule, EgressModule, SpendModule],
  controllers: [MetricsController, PrometheusController],
  providers: [
    MetricsHub,
    { provide: LatestMetrics, useExisting: MetricsHub },
    MetricsGateway,
    { provide: Registry, useFactory: createRegistry },
    HttpMetrics,
    EngineMetrics,
    JobMetrics,
    EgressMetrics,
    WarmPoolMetrics,
    SocketMetrics,
    SpendMetrics,
    RowMetrics,
    {
      provide: ScrapedMetrics,
      useFactory: (...metrics: ScrapedMetrics[]) => metrics,
      inject: [SocketMetrics, RowMetrics, EgressMetrics, SpendMetrics, WarmPoolMetrics],
    },
  ],
  exports: [LatestMetrics],
})
export class MetricsModule {}
