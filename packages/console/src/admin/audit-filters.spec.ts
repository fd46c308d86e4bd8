import { describe, expect, it } from '@jest/globals';
import { queryOf, readFilters } from './audit-filters.ts';

describe('the filters of the audit', () => {
  it('are what an address says, without what is not understood', () => {
    expect(readFilters({ actor: 'ann', action: ' ', outcome: 'refused', since: '2026-01-01', other: 1 })).toEqual({
      actor: 'ann',
      outcome: 'refused',
      since: '2026-01-01',
    });
    expect(readFilters({ outcome: 'x', target: 5 })).toEqual({});
  });

  it('include the last day, and leave out what is no day', () => {
    const { since, until } = queryOf({ since: '2026-01-01', until: '2026-01-01' });
    expect(Date.parse(until!) - Date.parse(since!)).toBe(24 * 60 * 60_000);
    expect(queryOf({ since: 'x', actor: 'ann' })).toEqual({ actor: 'ann' });
  });
});
