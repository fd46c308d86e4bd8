import { describe, expect, it } from '@jest/globals';
import { daysBefore, daysBetween } from './spend-days.ts';

describe('spend by day', () => {
  it('has every day, those without spend included', () => {
    expect(daysBetween('2026-02-27', '2026-03-02', [{ key: '2026-03-01', usd: 1.5 }])).toEqual([
      { day: '2026-02-27', usd: 0 },
      { day: '2026-02-28', usd: 0 },
      { day: '2026-03-01', usd: 1.5 },
      { day: '2026-03-02', usd: 0 },
    ]);
  });

  it('begins so many days ago', () => {
    expect(daysBefore(new Date('2026-03-01T23:00:00Z'), 1)).toBe('2026-02-28');
  });
});
