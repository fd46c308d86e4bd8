import { beforeEach, describe, expect, it } from '@jest/globals';
import { CoalescedRefresh } from './coalesced-refresh.js';

let refreshes: CoalescedRefresh;
let lookUps: PromiseWithResolvers<string>[];
let used: string[];

beforeEach(() => {
  refreshes = new CoalescedRefresh();
  lookUps = [];
  used = [];
});

const lookUp = (): Promise<string> => {
  const asked = Promise.withResolvers<string>();
  lookUps.push(asked);
  return asked.promise;
};
const refresh = (key = 'a'): Promise<void> => refreshes.run(key, lookUp, (answer) => used.push(answer));

describe('refreshes of one key', () => {
  it('are one at a time, and one more for all that came meanwhile', async () => {
    const first = refresh();
    const others = [refresh(), refresh(), refresh()];
    expect(lookUps).toHaveLength(1);
    lookUps[0]!.resolve('older');
    await Promise.all(others);
    await new Promise(setImmediate);
    expect(lookUps).toHaveLength(2);
    lookUps[1]!.resolve('newer');
    await first;
    expect(used).toEqual(['older', 'newer']);
    void refresh();
    expect(lookUps).toHaveLength(3);
  });

  it('do not wait for those of another', async () => {
    void refresh('a');
    const other = refresh('b');
    lookUps[1]!.resolve('of b');
    await other;
    expect(used).toEqual(['of b']);
  });

  it('are not used once it was dropped, and those that come later are', async () => {
    const dropped = refresh();
    refreshes.drop('a');
    const later = refresh();
    lookUps[0]!.resolve('stale');
    lookUps[1]!.resolve('fresh');
    await Promise.all([dropped, later]);
    expect(used).toEqual(['fresh']);
  });

  it('can be asked for again when one failed', async () => {
    const failing = refresh();
    lookUps[0]!.reject(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    void refresh();
    expect(lookUps).toHaveLength(2);
  });
});
