import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { withTimeout } from '../../common/concurrency/with-timeout.js';
import { WarmPoolRepository } from '../../persistence/warm-pool/warm-pool.repository.js';
import { WarmPoolCounters } from '../../warm-pool/warm-pool-counters.js';
import { ScrapedMetrics } from './scraped-metrics.js';

const TIMEOUT_MS = 2_000;

/** Metrics of the workspaces that are created ahead. */
@Injectable()
export class WarmPoolMetrics extends ScrapedMetrics {
  private readonly workspaces: Gauge<'template' | 'fenced' | 'state'>;
  private readonly claims: Counter<'outcome'>;

  constructor(
    private readonly pool: WarmPoolRepository,
    private readonly counters: WarmPoolCounters,
    registry: Registry,
    @InjectPinoLogger(WarmPoolMetrics.name) private readonly logger: PinoLogger,
  ) {
    super();
    const registers = [registry];
    this.workspaces = new Gauge({
      name: 'devforge_warm_pool_workspaces',
      help: 'Workspaces that were created ahead, by what they are for and how far they are',
      labelNames: ['template', 'fenced', 'state'],
      registers,
    });
    this.claims = new Counter({
      name: 'devforge_warm_pool_claims_total',
      help: 'New containers that could have a workspace that was created ahead: hit when there was one',
      labelNames: ['outcome'],
      registers,
    });
  }

  async refresh(): Promise<void> {
    this.claims.reset();
    for (const outcome of ['hit', 'miss'] as const) this.claims.inc({ outcome }, this.counters.claims[outcome]);
    this.workspaces.reset();
    try {
      for (const { template, fenced, state } of await withTimeout(this.pool.list(), TIMEOUT_MS))
        this.workspaces.inc({ template, fenced: String(fenced), state });
    } catch (error) {
      this.logger.debug({ err: error }, 'The warm pool could not be read for a scrape');
    }
  }
}
