import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Histogram, Registry } from 'prom-client';
import { jobRuns } from '../../queues/job-runs.js';

/** Seconds; they range from an empty container to a large clone. */
const BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];

/** Counts the runs of jobs in this process. */
@Injectable()
export class JobMetrics implements OnModuleInit, OnModuleDestroy {
  private readonly durations: Histogram<'name' | 'outcome'>;
  private unsubscribe: () => void = () => undefined;

  constructor(registry: Registry) {
    this.durations = new Histogram({
      name: 'devforge_job_run_duration_seconds',
      help: 'Runs of jobs by name and outcome; a job that is postponed or tried again has several',
      labelNames: ['name', 'outcome'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  onModuleInit(): void {
    this.unsubscribe = jobRuns.subscribe(({ name, outcome, seconds }) =>
      this.durations.observe({ name, outcome }, seconds),
    );
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }
}
