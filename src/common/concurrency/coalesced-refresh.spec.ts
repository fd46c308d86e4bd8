import { beforeEach, describe, expect, it } from '@jest/globals';
import { CoalescedRefresh } from './coalesced-refresh.js';

describe('CoalescedRefresh', () => {
  let refreshes: CoalescedRefresh;
  let lookUps: PromiseWithResolvers<string>[];
  let values: string[];

  beforeEach(() => {
    refreshes = new CoalescedRefresh();
    lookUps = [];
    values = [];
  });

  const lookUp = (): Promise<string> => {
    const asked = Promise.withResolvers<string>();
    lookUps.push(asked);
    return asked.promise;
  };
  const refresh = (key = 'a'): Promise<void> => refreshes.run(key, lookUp, (value) => values.push(value));

  it('looks a key up once more for all requests that arrive during a look-up', async () => {
    const first = refresh();
    const others = [refresh(), refresh(), refresh()];
    expect(lookUps).toHaveLength(1);
    lookUps[0]!.resolve('older');
    await Promise.all(others);
    await new Promise(setImmediate);
    expect(lookUps).toHaveLength(2);
    lookUps[1]!.resolve('newer');
    await first;
    expect(values).toEqual(['older', 'newer']);
    void refresh();
    expect(lookUps).toHaveLength(3);
  });

  it('does not make one key wait for another', async () => {
    void refresh('a');
    const other = refresh('b');
    lookUps[1]!.resolve('of b');
    await other;
    expect(values).toEqual(['of b']);
  });

  it('discards the value of a dropped key, and passes on those of later look-ups', async () => {
    const dropped = refresh();
    refreshes.drop('a');
    const later = refresh();
    lookUps[0]!.resolve('stale');
    lookUps[1]!.resolve('fresh');
    await Promise.all([dropped, later]);
    expect(values).toEqual(['fresh']);
  });

  it('looks a key up again after a look-up that failed', async () => {
    const failing = refresh();
    lookUps[0]!.reject(new Error('unavailable'));
    await expect(failing).rejects.toThrow('unavailable');
    void refresh();
    expect(lookUps).toHaveLength(2);
  });
});
