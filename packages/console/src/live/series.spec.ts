import { describe, expect, it } from '@jest/globals';
import { linePoints, Series } from './series.ts';

describe('a series of figures', () => {
  it('keeps the latest values, and gives another array when one has come', () => {
    const series = new Series(3);
    const before = series.get();
    for (const value of [1, 2, 3, 4]) series.push(value);
    expect(series.get()).toEqual([2, 3, 4]);
    expect(series.get()).toBe(series.get());
    expect(before).toEqual([]);
  });

  it('ends at the right, and stays within its height', () => {
    const box = { width: 20, height: 12, max: 10, length: 3 };
    expect(linePoints([0, 5, 10], box)).toBe('0,11 10,6 20,1');
    expect(linePoints([10], box)).toBe('20,1');
    expect(linePoints([20, 0], box)).toBe('10,1 20,11');
    expect(linePoints([0, 0], { ...box, max: 0 })).toBe('10,11 20,11');
    expect(linePoints([], box)).toBe('');
  });
});
