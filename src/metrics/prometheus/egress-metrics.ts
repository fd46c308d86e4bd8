import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { EgressCounters } from '../../egress/egress-counters.js';
import { ScrapedMetrics } from './scraped-metrics.js';

/** Metrics of what containers may reach. */
@Injectable()
export class EgressMetrics extends ScrapedMetrics {
  private readonly denied: Counter<'reason'>;

  constructor(
    private readonly counters: EgressCounters,
    registry: Registry,
  ) {
    super();
    this.denied = new Counter({
      name: 'devforge_egress_denials_total',
      help: 'Connections of containers that were refused, by reason',
      labelNames: ['reason'],
      registers: [registry],
    });
  }

  refresh(): void {
    this.denied.reset();
    for (const [reason, count] of this.counters.denied) this.denied.inc({ reason }, count);
  }
}
