import { Injectable } from '@nestjs/common';
import { Settings } from '../config/settings.js';
import type { ModelPrice, ModelPrices, TokenRates } from '../drivers/workspace-spend.js';
import { loadModelPrices } from './model-prices.js';

/** Tokens as Claude Code counts them. */
export interface TokenUsage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
}

const NANOS = 1e9;
/** As in images/workspace/gateway/spend/pricing.mjs. What follows the name of a model in its id, and changes no price. */
const VERSION = /^(?:-\d{8}|@\d{8}|-latest|-v\d+(?::\d+)?)?(?:-v\d+(?::\d+)?)?(?:\[1m\])?$/;
const PROVIDER = /^.*\banthropic[./]/;

/** What models cost: for the gateway, which counts, and for estimates of what is still running. */
@Injectable()
export class ModelPriceTable {
  readonly prices: ModelPrices;

  /** @throws Error that says what is wrong with the file of the settings */
  constructor(settings: Settings) {
    this.prices = loadModelPrices(settings.modelPricesFile);
  }

  /** What the tokens cost, in US dollars, with everything in the cache for five minutes; null for a model without a price. */
  estimateUsd(model: string, usage: TokenUsage): number | null {
    const price = this.find(model);
    if (price === undefined) return null;
    const { input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens } = usage;
    const prompt = input_tokens + cache_creation_input_tokens + cache_read_input_tokens;
    const rates: TokenRates =
      price.longPrompt !== undefined && prompt > price.longPrompt.above ? price.longPrompt : price;
    return (
      (input_tokens * rates.input +
        output_tokens * rates.output +
        cache_creation_input_tokens * rates.cacheWrite5m +
        cache_read_input_tokens * rates.cacheRead) /
      NANOS
    );
  }

  private find(id: string): ModelPrice | undefined {
    const { models } = this.prices;
    const name = id.replace(PROVIDER, '');
    const exact = models.find(
      ({ model }) => !model.endsWith('*') && name.startsWith(model) && VERSION.test(name.slice(model.length)),
    );
    if (exact !== undefined) return exact;
    return models
      .filter(({ model }) => model.endsWith('*') && id.startsWith(model.slice(0, -1)))
      .toSorted((one, other) => other.model.length - one.model.length)[0];
  }
}
