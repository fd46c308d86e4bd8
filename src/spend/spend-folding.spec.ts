import { afterEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import type { SpendRepository } from '../persistence/spend/spend.repository.js';
import { SpendFolding } from './spend-folding.js';

const DAY_MS = 24 * 60 * 60_000;

describe('SpendFolding', () => {
  let folding: SpendFolding | undefined;
  afterEach(() => folding?.onModuleDestroy());

  it('adds up what is older than ninety days, batch by batch until nothing is left, and again hours later', async () => {
    const clock = new FakeClock();
    const before = new Date(clock.now().getTime() - 90 * DAY_MS).toISOString().slice(0, 10);
    const left = [2_000, 2_000, 7, 0];
    const asked: string[] = [];
    const foldBefore = async (day: string) => {
      asked.push(day);
      return left.shift() ?? 0;
    };
    folding = new SpendFolding({ foldBefore } as unknown as SpendRepository, clock, quietLogger());
    folding.onApplicationBootstrap();
    await settled();
    expect(asked).toEqual([before, before, before]);
    await clock.advance(DAY_MS / 4);
    await settled();
    expect(asked).toHaveLength(4);
  });
});
