import { describe, expect, it } from '@jest/globals';
import { MessageBudget, TERMINAL_INPUT_RATE } from './message-budget.js';

describe('the budget of terminal input', () => {
  it('allows a pasted megabyte, fast typing and mouse events, but no flood', () => {
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
  it('counts a long message as several', () => {
    const budget = new MessageBudget(() => 0);
    expect(budget.spend(199)).toBe(true);
    expect(budget.spend(2)).toBe(false);
    expect(budget.spend(1)).toBe(true);
    expect(budget.spend(1)).toBe(false);
  });

  let now = 0;
  const spend = (budget: MessageBudget, count: number): number =>
    Array.from({ length: count }, () => budget.spend()).filter(Boolean).length;

  it('allows one burst', () => {
    const budget = new MessageBudget(() => now);
    expect(spend(budget, 1_000)).toBe(200);
    expect(budget.spend()).toBe(false);
  });

  it('is refilled over time, up to one burst', () => {
    const budget = new MessageBudget(() => now);
    spend(budget, 200);
    now += 100;
    expect(spend(budget, 1_000)).toBe(5);
    now += 1_000;
    expect(spend(budget, 1_000)).toBe(50);
    now += 3_600_000;
    expect(spend(budget, 1_000)).toBe(200);
  });

  it('adds up fractions of a message', () => {
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

  it('never blocks a client that stays within the rate', () => {
    const budget = new MessageBudget(() => now);
    for (let at = 0; at < 10_000; at++) {
      now += 20;
      expect(budget.spend()).toBe(true);
    }
  });
});
