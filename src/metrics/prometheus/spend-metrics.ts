import { Injectable } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { SpendCounters, TOKEN_KINDS } from '../../spend/spend-counters.js';
import { usdOf } from '../../common/usd.js';
import { ScrapedMetrics } from './scraped-metrics.js';

/** Metrics of what containers spend on models. */
@Injectable()
export class SpendMetrics extends ScrapedMetrics {
  private readonly cost: Counter;
  private readonly answers: Counter;
  private readonly refused: Counter;
  private readonly tokens: Counter<'kind'>;

  constructor(
    private readonly counters: SpendCounters,
    registry: Registry,
  ) {
    super();
    const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
    this.cost = counter('devforge_model_cost_usd_total', 'US dollars that containers spent on models, at list prices');
    this.answers = counter('devforge_model_answers_total', 'Answers of models to containers');
    this.refused = counter('devforge_budget_refusals_total', 'Instructions that a budget has ended');
    this.tokens = new Counter({
      name: 'devforge_model_tokens_total',
      help: 'Tokens that containers used, by kind',
      labelNames: ['kind'],
      registers: [registry],
    });
  }

  refresh(): void {
    const { nanos, answers, refused, tokens } = this.counters;
    for (const counter of [this.cost, this.answers, this.refused, this.tokens]) counter.reset();
    this.cost.inc(usdOf(nanos));
    this.answers.inc(answers);
    this.refused.inc(refused);
    for (const kind of TOKEN_KINDS) this.tokens.inc({ kind }, tokens[kind]);
  }
}
