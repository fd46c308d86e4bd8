import { describe, expect, it } from '@jest/globals';
import { MessageBudget, TERMINAL_INPUT_RATE } from './message-budget.js';

describe('a budget of typing', () => {
  it('takes a pasted megabyte, a fast typist and a mouse, and no flood', () => {
    let now = 0;
    const budget = new MessageBudget(() => now, TERMINAL_INPUT_RATE);
    const spend = (count: number): number => Array.from({ length: count }, () => budget.spend()).filter(Boolean).length;
    expect(spend(64)).toBe(64);
    expect(spend(10_000)).toBe(936);
    now += 1_000;
    expect(spend(10_000)).toBe(300);
  });
});

describe('a message budget', () => {
  let now = 0;
  const spend = (budget: MessageBudget, count: number): number =>
    Array.from({ length: count }, () => budget.spend()).filter(Boolean).length;

  it('allows a burst, and then no more', () => {
    const budget = new MessageBudget(() => now);
    expect(spend(budget, 1_000)).toBe(200);
    expect(budget.spend()).toBe(false);
  });

  it('fills up with time, up to a burst', () => {
    const budget = new MessageBudget(() => now);
    spend(budget, 200);
    now += 100;
    expect(spend(budget, 1_000)).toBe(5);
    now += 1_000;
    expect(spend(budget, 1_000)).toBe(50);
    now += 3_600_000;
    expect(spend(budget, 1_000)).toBe(200);
  });

  it('counts parts of a message together', () => {
    const budget = new MessageBudget(() => now);
    spend(budget, 200);
    let allowed = 0;
    for (let at = 0; at < 1_000; at++) {
      now += 1;
      if (budget.spend()) allowed += 1;
    }
    expect(allowed).toBeGreaterThanOrEqual(49);
    expect(allowed).toBeLessThanOrEqual(50);
  });

  it('lets a client that keeps to the pace send for ever', () => {
    const budget = new MessageBudget(() => now);
    for (let at = 0; at < 10_000; at++) {
      now += 20;
      expect(budget.spend()).toBe(true);
    }
  });
});
