import { describe, expect, it } from '@jest/globals';
import type { Settings } from '../config/settings.js';
import { ModelPriceTable } from './model-price-table.js';

const MILLION = 1_000_000;
const table = new ModelPriceTable({} as Settings);
const usage = (input_tokens: number, output_tokens: number, written = 0, read = 0) => ({
  input_tokens,
  output_tokens,
  cache_creation_input_tokens: written,
  cache_read_input_tokens: read,
});

describe('the estimate of a cost', () => {
  it.each([
    ['claude-opus-5-5', 24],
    ['claude-opus-4-5-20251101', 30],
    ['claude-opus-4-1-20250805', 90],
    ['eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 18],
    ['claude-haiku-4-5', 6],
    ['claude-3-5-haiku-latest', 4.8],
  ])('of %s uses the price that the gateway counts with', (model, usd) => {
    expect(table.estimateUsd(model, usage(MILLION, MILLION))).toBeCloseTo(usd);
  });

  it('counts what is written to the cache and read from it', () => {
    expect(table.estimateUsd('claude-sonnet-4-5', usage(0, 0, MILLION, MILLION))).toBeCloseTo(3.75 + 0.3);
  });

  it('is higher where a model has a price for long prompts', () => {
    expect(table.estimateUsd('claude-haiku-5-5', usage(100_000, 0))).toBeCloseTo(0.01);
    expect(table.estimateUsd('claude-haiku-5-5', usage(100_001, 0))).toBeCloseTo(0.05);
  });

  it('is none for a model that has no price', () => {
    expect(table.estimateUsd('a-new-one', usage(1, 1))).toBeNull();
  });
});
