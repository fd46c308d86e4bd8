import { readFileSync } from 'node:fs';
import type { ModelPrice, ModelPrices, TokenRates } from '../drivers/workspace-spend.js';
import { DEFAULT_MODEL_PRICES } from './default-model-prices.js';

const RATES = ['input', 'output', 'cacheRead', 'cacheWrite5m', 'cacheWrite1h'] as const;
/** A dollar for a million tokens is a thousand nano-dollars for one. */
const NANOS = 1_000;
/** A dollar for a thousand searches is a million nano-dollars for one. */
const SEARCH_NANOS = 1_000_000;
const MAX_USD = 1_000_000;

/**
 * The prices of a file, or the list prices that come with this release.
 * @throws Error that says what is wrong with the file
 */
export function loadModelPrices(file: string | undefined): ModelPrices {
  if (file === undefined) return parsePriceList(DEFAULT_MODEL_PRICES);
  try {
    return parsePriceList(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`MODEL_PRICES_FILE ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** @throws Error */
export function parsePriceList(value: unknown): ModelPrices {
  const list = fieldsOf(value, 'the list');
  if (!Array.isArray(list['models']) || list['models'].length === 0) throw new Error('it has no models');
  const models = list['models'].map((each: unknown, index) => parseModel(fieldsOf(each, `models[${index}]`)));
  const twice = models.find(({ model }, index) => models.findIndex((other) => other.model === model) < index);
  if (twice !== undefined) throw new Error(`${twice.model} is in the list twice`);
  const unknown = list['unknown'] === undefined ? dearest(models) : parseRates(list['unknown'], 'unknown');
  return { models, unknown, webSearch: nanosOf(list['webSearches'] ?? 0, 'webSearches', SEARCH_NANOS) };
}

function parseModel(fields: Record<string, unknown>): ModelPrice {
  const { model, longPrompt, fast } = fields;
  if (typeof model !== 'string' || model === '' || model.length > 200) throw new Error('a model has no name');
  const price: ModelPrice = { model, ...parseRates(fields, model) };
  if (longPrompt !== undefined) {
    const { above } = fieldsOf(longPrompt, `${model}.longPrompt`);
    if (!Number.isSafeInteger(above) || (above as number) < 0)
      throw new Error(`${model}.longPrompt.above is no number`);
    price.longPrompt = { above: above as number, ...parseRates(longPrompt, `${model}.longPrompt`) };
  }
  if (fast !== undefined) price.fast = parseRates(fast, `${model}.fast`);
  return price;
}

function parseRates(value: unknown, where: string): TokenRates {
  const fields = fieldsOf(value, where);
  return Object.fromEntries(
    RATES.map((rate) => [rate, nanosOf(fields[rate], `${where}.${rate}`, NANOS)]),
  ) as unknown as TokenRates;
}

function nanosOf(usd: unknown, where: string, factor: number): number {
  if (typeof usd !== 'number' || !(usd >= 0 && usd <= MAX_USD)) throw new Error(`${where} is no price`);
  const nanos = Math.round(usd * factor);
  if (Math.abs(nanos - usd * factor) > 1e-6) throw new Error(`${where} has more decimals than can be counted`);
  return nanos;
}

function dearest(models: ModelPrice[]): TokenRates {
  const all: TokenRates[] = models.flatMap(({ longPrompt, fast, ...rates }) =>
    [rates, longPrompt, fast].filter((each) => each !== undefined),
  );
  return Object.fromEntries(
    RATES.map((rate) => [rate, Math.max(...all.map((each) => each[rate]))]),
  ) as unknown as TokenRates;
}

function fieldsOf(value: unknown, where: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${where} is no object`);
  return value as Record<string, unknown>;
}
