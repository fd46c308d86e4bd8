import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Histogram, Registry } from 'prom-client';
import { engineCalls } from '../../drivers/engine-calls.js';
import { DURATION_BUCKETS } from './scraped-metrics.js';

/** Counts the calls of the container engine. */
@Injectable()
export class EngineMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly durations: Histogram<'operation' | 'outcome'>;
  private unsubscribe: () => void = () => undefined;

  constructor(registry: Registry) {
    this.durations = new Histogram({
      name: 'devforge_engine_call_duration_seconds',
      help: 'Calls of the container engine by operation and outcome; of a stream, until it is open',
      labelNames: ['operation', 'outcome'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
  }

  onModuleInit(): void {
    this.unsubscribe = engineCalls.subscribe(({ operation, outcome, seconds }) =>
      this.durations.observe({ operation, outcome }, seconds),
    );
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }
}
