import { describe, expect, it } from '@jest/globals';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import { MetricsHistory } from './metrics-history.js';

const START = Date.parse('2030-01-01T00:00:00Z');
const pointAt = (seconds: number): MetricsDto =>
  ({ timestamp: new Date(START + seconds * 1_000).toISOString() }) as MetricsDto;

describe('the metrics history', () => {
  it('returns the samples since a time, oldest first', () => {
    const history = new MetricsHistory();
    for (const seconds of [0, 5, 10]) history.push(pointAt(seconds));
    expect(history.since(START + 5_000)).toEqual([pointAt(5), pointAt(10)]);
    expect(history.since(START + 5_001)).toEqual([pointAt(10)]);
    expect(history.since(START + 11_000)).toEqual([]);
    expect(new MetricsHistory().since(START)).toEqual([]);
  });

  it('holds at least one hour of samples and at most a quarter more', () => {
    const history = new MetricsHistory();
    for (let at = 0; at < 10_000; at++) {
      history.push(pointAt(at * 5));
      const held = history.since(0).length;
      expect(held).toBeGreaterThanOrEqual(Math.min(at + 1, 720));
      expect(held).toBeLessThanOrEqual(900);
    }
    expect(history.since(0).at(-1)).toEqual(pointAt(9_999 * 5));
  });

  it('accepts the largest window of a query', () => {
    const history = new MetricsHistory();
    history.push(pointAt(0));
    expect(history.since(START - 9_999 * 3_600_000)).toHaveLength(1);
  });
});
