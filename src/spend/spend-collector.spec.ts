import { beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { DriverError } from '../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import type { SpendEntry, SpendMark, SpendRepository } from '../persistence/spend/spend.repository.js';
import { SpendCollector } from './spend-collector.js';
import { SpendCounters } from './spend-counters.js';

const ID = randomUUID();
const PART = {
  model: 'm',
  input: 1,
  output: 2,
  cacheRead: 3,
  cacheWrite5m: 4,
  cacheWrite1h: 5,
  webSearches: 0,
  nanos: 7,
  isPriced: true,
};

describe('SpendCollector', () => {
  let driver: FakeWorkspaceDriver;
  let stored: SpendEntry[];
  let mark: SpendMark | undefined | null;
  let failure: Error | undefined;
  let counters: SpendCounters;
  let clock: FakeClock;
  let collector: SpendCollector;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    [stored, mark, failure] = [[], undefined, undefined];
    counters = new SpendCounters();
    clock = new FakeClock();
    const repository = {
      mark: async () => mark,
      store: async (_: string, journal: string, entries: SpendEntry[]) => {
        if (failure !== undefined) throw failure;
        stored.push(...entries);
        mark = { journal, seq: entries.at(-1)!.seq };
        return entries;
      },
    } as unknown as SpendRepository;
    collector = new SpendCollector(driver, repository, counters, clock, quietLogger());
  });

  const seqs = () => stored.map(({ seq }) => seq);

  it('stores what the gateway has counted, and counts it for the metrics', async () => {
    driver.spending.add(ID, { parts: [PART] });
    driver.spending.add(ID, { refused: 'container', instruction: 'no id' });
    await collector.collect(ID);
    expect(stored).toMatchObject([
      { parts: [{ model: 'm', inputTokens: 1, cacheWriteTokens: 9, nanos: 7 }], refused: null },
      { parts: [], refused: 'container', instructionId: null },
    ]);
    expect(counters).toMatchObject({ nanos: 7, answers: 1, refused: 1, tokens: { input: 1, cache_write: 9 } });
    driver.spending.add(ID);
    await Promise.all([collector.collect(ID), collector.collect(ID), collector.collect(ID)]);
    expect(seqs()).toEqual([1, 2, 3]);
  });

  it('tells the gateway to forget nothing that is not stored', async () => {
    driver.spending.add(ID);
    failure = new Error('database');
    await expect(collector.collect(ID)).rejects.toBe(failure);
    failure = undefined;
    await collector.collect(ID);
    expect(seqs()).toEqual([1]);
  });

  it('leaves alone what another server has spent that shares the gateway', async () => {
    mark = null;
    driver.spending.add(ID);
    await collector.collect(ID);
    await collector.collect('no id');
    expect(driver.faults.calls).not.toContain('spend');
  });

  it('goes on in the background until it succeeds, and ends with the server', async () => {
    driver.spending.add(ID);
    driver.faults.failNext('spend', new DriverError('unavailable', 'x'));
    collector.collectSoon(ID);
    await settled();
    expect(seqs()).toEqual([]);
    await clock.advance(500);
    await settled();
    expect(seqs()).toEqual([1]);
    collector.onModuleDestroy();
    driver.spending.add(ID);
    collector.collectSoon(ID);
    await settled();
    expect(seqs()).toEqual([1]);
  });
});
