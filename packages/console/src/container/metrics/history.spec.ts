import { describe, expect, it } from '@jest/globals';
import type { ContainerMetrics } from '../../api/types.ts';
import { columnsOf, PLOTS } from './history.ts';

const sample = (seconds: number, percent: number): ContainerMetrics =>
  ({ timestamp: new Date(seconds * 1000).toISOString(), cpu: { percent } }) as ContainerMetrics;
const cpu = PLOTS[0]!;

describe('the metrics of the last hour', () => {
  it('have each time once, and a gap where there was no sample', () => {
    const samples = [sample(1_000, 1), sample(1_005, 2), sample(1_005, 9), sample(1_003, 9), sample(1_100, 3)];
    expect(columnsOf(samples, cpu)).toEqual([
      [1_000, 1_005, 1_006, 1_100],
      [1, 2, null, 3],
    ]);
  });

  it('leave out what is older than an hour before the last one', () => {
    expect(columnsOf([sample(1_000, 1), sample(5_000, 2), sample(5_010, 3)], cpu)).toEqual([
      [5_000, 5_010],
      [2, 3],
    ]);
    expect(columnsOf([], cpu)).toEqual([[], []]);
  });
});
