import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Gauge, Registry } from 'prom-client';
import { withTimeout } from '../../common/concurrency/with-timeout.js';
import { LatestMetrics } from '../../usage/latest-metrics.js';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { CONTAINER_STATUSES } from '../../persistence/types.js';
import { QUEUE_NAMES } from '../../queues/job-map.js';
import { ContainerGauges } from './container-gauges.js';
import { ScrapedMetrics } from './scraped-metrics.js';

const TIMEOUT_MS = 2_000;
const UNFINISHED = ['queued', 'active'] as const;

/**
 * Metrics from the database: the containers, with their latest sample, and the unfinished jobs. A scrape makes no call to
 * the engine. While the database is unavailable, only `devforge_database_up` is served.
 */
@Injectable()
export class RowMetrics extends ScrapedMetrics {
  private readonly databaseUp: Gauge;
  private readonly containers: Gauge<'status'>;
  private readonly jobs: Gauge<'name' | 'state'>;
  private readonly containerGauges: ContainerGauges;

  constructor(
    private readonly rows: ContainersRepository,
    private readonly jobRows: JobsRepository,
    private readonly samples: LatestMetrics,
    registry: Registry,
    @InjectPinoLogger(RowMetrics.name) private readonly logger: PinoLogger,
  ) {
    super();
    const registers = [registry];
    this.databaseUp = new Gauge({
      name: 'devforge_database_up',
      help: 'Whether the database answered this scrape; without it there are no figures of containers and jobs',
      registers,
    });
    this.containers = new Gauge({
      name: 'devforge_containers',
      help: 'Containers by status',
      labelNames: ['status'],
      registers,
    });
    this.jobs = new Gauge({
      name: 'devforge_jobs',
      help: 'Jobs that are not finished: queued ones wait',
      labelNames: ['name', 'state'],
      registers,
    });
    this.containerGauges = new ContainerGauges(registry);
  }

  async refresh(): Promise<void> {
    const reads = Promise.all([this.rows.listAll(), this.jobRows.countUnfinished()]);
    const read = await withTimeout(reads, TIMEOUT_MS).catch((error: unknown) => {
      this.logger.debug({ err: error }, 'The rows could not be read for a scrape');
      return undefined;
    });
    for (const metrics of [this.containers, this.jobs, this.containerGauges]) metrics.reset();
    this.databaseUp.set(read === undefined ? 0 : 1);
    if (read === undefined) return;
    const [containers, jobs] = read;
    for (const status of CONTAINER_STATUSES) this.containers.set({ status }, 0);
    for (const name of QUEUE_NAMES) for (const state of UNFINISHED) this.jobs.set({ name, state }, 0);
    for (const { name, state, count } of jobs) this.jobs.set({ name, state }, count);
    for (const row of containers) {
      this.containers.inc({ status: row.status });
      this.containerGauges.add(row, this.samples.latest(row.id));
    }
  }
}
