import { describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_MODEL_PRICES } from './default-model-prices.js';
import { loadModelPrices, parsePriceList } from './model-prices.js';

const RATES = { input: 1, output: 2, cacheRead: 0.01, cacheWrite5m: 0.125, cacheWrite1h: 3 };
const list = (models: unknown[], more: object = {}): object => ({ date: '2026-01-01', models, ...more });

describe('the price list', () => {
  it('of this release has every model once, in whole nano-dollars for a token', () => {
    const { models, webSearch } = loadModelPrices(undefined);
    expect(models).toHaveLength(DEFAULT_MODEL_PRICES.models.length);
    expect(models[0]).toEqual({
      model: 'claude-fable-5-2',
      input: 8_000,
      output: 40_000,
      cacheRead: 200,
      cacheWrite5m: 10_000,
      cacheWrite1h: 16_000,
    });
    expect(webSearch).toBe(10_000_000);
  });

  it('counts an unknown model at the dearest of every rate, or at what the list says', () => {
    const long = { ...RATES, output: 7, above: 5 };
    const models = [
      { model: 'a', ...RATES, input: 9 },
      { model: 'b', ...RATES, longPrompt: long },
    ];
    expect(parsePriceList(list(models)).unknown).toEqual({
      input: 9_000,
      output: 7_000,
      cacheRead: 10,
      cacheWrite5m: 125,
      cacheWrite1h: 3_000,
    });
    const free = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
    expect(parsePriceList(list(models, { unknown: free })).unknown).toEqual(free);
  });

  it.each<[string, unknown]>([
    ['the list is no object', []],
    ['it has no models', list([])],
    ['models[0] is no object', list([null])],
    ['a model has no name', list([{ ...RATES }])],
    ['m.output is no price', list([{ model: 'm', ...RATES, output: '5' }])],
    ['m.input is no price', list([{ model: 'm', ...RATES, input: -1 }])],
    ['m.input has more decimals than can be counted', list([{ model: 'm', ...RATES, input: 0.0001 }])],
    ['m.fast.input is no price', list([{ model: 'm', ...RATES, fast: {} }])],
    ['m.longPrompt.above is no number', list([{ model: 'm', ...RATES, longPrompt: RATES }])],
    [
      'm is in the list twice',
      list([
        { model: 'm', ...RATES },
        { model: 'm', ...RATES },
      ]),
    ],
    ['webSearches is no price', list([{ model: 'm', ...RATES }], { webSearches: '1' })],
  ])('is refused when %s', (message, value) => {
    expect(() => parsePriceList(value)).toThrow(message);
  });

  it('of a file takes the place of that of the release, and is named when it is wrong', () => {
    const folder = mkdtempSync(join(tmpdir(), 'devforge-prices-'));
    const file = join(folder, 'prices.json');
    try {
      writeFileSync(file, JSON.stringify(list([{ model: 'my-*', ...RATES }])));
      expect(loadModelPrices(file).models).toMatchObject([{ model: 'my-*', input: 1_000 }]);
      writeFileSync(file, '{');
      expect(() => loadModelPrices(file)).toThrow(`MODEL_PRICES_FILE ${file}: `);
    } finally {
      rmSync(folder, { recursive: true });
    }
    expect(() => loadModelPrices(file)).toThrow('no such file');
  });
});
