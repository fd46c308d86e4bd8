import { describe, expect, it } from '@jest/globals';
import { readCliEvent } from './cli-event.js';
import type { Settings } from '../../config/settings.js';
import { ModelPriceTable } from '../../spend/model-price-table.js';
import { LiveFigures } from './live-figures.js';

const MILLION = 1_000_000;
const prices = new ModelPriceTable({} as Settings);
const tokens = (input_tokens: number, output_tokens: number, more = {}) => ({
  input_tokens,
  output_tokens,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  ...more,
});
const event = (value: object) => readCliEvent(Buffer.from(JSON.stringify(value)));
const message = (
  id: string,
  usage: object,
  { model = 'claude-sonnet-4-5', text = '', parent = null as string | null } = {},
) =>
  event({
    type: 'assistant',
    parent_tool_use_id: parent,
    message: { id, model, usage, content: [{ type: 'text', text }] },
  });
const figuresOf = (...events: ReturnType<typeof event>[]): LiveFigures => {
  const figures = new LiveFigures(prices);
  for (const each of events) figures.observe(each);
  return figures;
};

describe('the live figures of a run', () => {
  it('are unknown until the first message', () => {
    const figures = new LiveFigures(prices);
    expect(figures.observe(event({ type: 'system', subtype: 'init' }))).toBe(false);
    expect(figures.current).toBeUndefined();
    expect(figures.unreported).toBeUndefined();
  });

  it('count a message once, however many parts it comes in', () => {
    const figures = figuresOf(
      message('a', tokens(MILLION, 1)),
      message('a', tokens(MILLION, 3)),
      message('b', tokens(0, 5, { cache_read_input_tokens: MILLION })),
    );
    expect(figures.current).toEqual({
      turns: 2,
      usage: tokens(MILLION, 8, { cache_read_input_tokens: MILLION }),
      costUsd: expect.closeTo(3.3, 3),
      costEstimated: true,
    });
  });

  it('estimate output tokens of the cost by the length of the answer', () => {
    const text = 'x'.repeat(400_000);
    expect(figuresOf(message('a', tokens(0, 1), { text })).current).toMatchObject({
      usage: tokens(0, 1),
      costUsd: expect.closeTo(1.5, 3),
    });
  });

  it('include the tokens of subagents, but not their turns', () => {
    const figures = figuresOf(message('a', tokens(1, 1)), message('b', tokens(2, 2), { parent: 'toolu_1' }));
    expect(figures.current).toMatchObject({ turns: 1, usage: tokens(3, 3) });
  });

  it('have no cost for a model whose price is not known', () => {
    expect(figuresOf(message('a', tokens(1, 1), { model: 'a-new-one' })).current).toMatchObject({
      turns: 1,
      costUsd: null,
      costEstimated: false,
    });
  });

  it('are those of the result once there is one, and go on from there', () => {
    const result = event({ type: 'result', num_turns: 3, total_cost_usd: 0.5, usage: tokens(10, 20) });
    const figures = figuresOf(message('a', tokens(1, 1)), result);
    expect(figures.current).toEqual({ turns: 3, usage: tokens(10, 20), costUsd: 0.5, costEstimated: false });
    expect(figures.unreported).toBeUndefined();
    figures.observe(message('b', tokens(MILLION, 0)));
    expect(figures.unreported).toEqual({
      turns: 4,
      usage: tokens(MILLION + 10, 20),
      costUsd: expect.closeTo(3.5, 3),
      costEstimated: true,
    });
    figures.observe(
      event({
        type: 'result',
        num_turns: 1,
        total_cost_usd: 99,
        model_usage_since_last_result: { one: { costUSD: 1 }, other: { costUSD: 2 } },
      }),
    );
    expect(figures.current).toMatchObject({ turns: 4, costUsd: 3.5 });
  });

  it('are bounded however many messages there are, and whatever they hold', () => {
    const figures = figuresOf(...Array.from({ length: 1_000 }, (_, at) => message(String(at), tokens(1, 1))));
    expect(figures.current).toMatchObject({ turns: 1_000, usage: tokens(1_000, 1_000) });
    expect((figures as unknown as { messages: Map<string, unknown> }).messages.size).toBe(200);
    for (const value of [
      { type: 'assistant' },
      { type: 'assistant', message: null },
      { type: 'assistant', message: { id: 'x'.repeat(201), usage: tokens(1, 1) } },
      { type: 'assistant', message: { id: 5 } },
    ])
      expect(figures.observe(event(value))).toBe(false);
    figures.observe(message('odd', { input_tokens: '5', output_tokens: -1, cache_read_input_tokens: 1e300 }));
    expect(figures.current).toMatchObject({ turns: 1_001, usage: tokens(1_000, 1_000) });
  });
});
