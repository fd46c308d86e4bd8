import { afterAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { UsageRecord } from '../../src/drivers/workspace-usage.js';
import { idleSpec, ENGINES } from './docker-engine-harness.js';

const never = new AbortController().signal;

describe.each(ENGINES)('usage of containers of the %s engine client', (_, make) => {
  const harness = make();
  const { containers } = harness.runtime;
  const ids: string[] = [];

  afterAll(() => harness.cleanUp(ids, []));

  async function created(): Promise<string> {
    const { id, ...spec } = idleSpec(harness, { entrypoint: ['sh', '-c', 'while :; do :; done'] });
    ids.push(id);
    return (await containers.create({ ...spec })).dockerId;
  }

  async function started(): Promise<string> {
    const dockerId = await created();
    await containers.start(dockerId);
    return dockerId;
  }

  async function collect(
    dockerId: string,
    signal: AbortSignal,
    onRecord: (records: UsageRecord[]) => void = () => undefined,
  ): Promise<UsageRecord[]> {
    const records: UsageRecord[] = [];
    for await (const record of containers.usage(dockerId, signal)) {
      records.push(record);
      onRecord(records);
    }
    return records;
  }

  it('arrives at the interval of the engine, as counters and a clock that never go back, until the signal aborts', async () => {
    const dockerId = await started();
    const stopped = new AbortController();
    const begun = Date.now();
    const records = await collect(dockerId, stopped.signal, ({ length }) => length === 4 && stopped.abort());
    expect(records).toHaveLength(4);
    for (const record of records) {
      expect(record.at).toBeGreaterThan(begun - 1_500);
      expect(record.at).toBeLessThan(Date.now() + 1_000);
      expect(record.pids).toBeGreaterThanOrEqual(1);
      expect(Object.values(record).every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }
    for (const [at, record] of records.slice(1).entries()) {
      const before = records[at]!;
      const span = record.monotonicMs - before.monotonicMs;
      expect(span).toBeGreaterThan(500);
      expect(span).toBeLessThan(harness.usageEveryMs + 1_500);
      expect(Math.abs(record.at - before.at - span)).toBeLessThan(250);
      for (const counter of ['cpuSeconds', 'rxBytes', 'txBytes'] as const)
        expect(record[counter]).toBeGreaterThanOrEqual(before[counter]);
    }
  }, 30_000);

  it('ends when the container stops', async () => {
    const dockerId = await started();
    let stopping: Promise<void> | undefined;
    const records = await collect(dockerId, never, () => (stopping ??= containers.stop(dockerId, 0)));
    await stopping;
    expect(records.length).toBeGreaterThanOrEqual(1);
    expect(records.length).toBeLessThanOrEqual(3);
  }, 20_000);

  it('ends when the container is removed', async () => {
    const dockerId = await started();
    let removing: Promise<void> | undefined;
    await collect(dockerId, never, () => (removing ??= containers.remove(dockerId)));
    await removing;
    await expect(containers.inspect(dockerId)).resolves.toBeNull();
  }, 20_000);

  it('ends at once when the signal aborts between two records, and before the first', async () => {
    const dockerId = await started();
    const stopped = new AbortController();
    const ending = collect(dockerId, stopped.signal, () => setTimeout(() => stopped.abort(), 100));
    await expect(ending).resolves.toHaveLength(1);
    await expect(collect(dockerId, AbortSignal.abort())).resolves.toEqual([]);
  }, 20_000);

  it('is empty for a container that does not run', async () => {
    const dockerId = await created();
    await expect(collect(dockerId, never)).resolves.toEqual([]);
    await containers.start(dockerId);
    await containers.stop(dockerId, 0);
    await expect(collect(dockerId, never)).resolves.toEqual([]);
  }, 20_000);

  it('is available of a container that is paused', async () => {
    const dockerId = await started();
    await containers.pause(dockerId);
    const stopped = new AbortController();
    await expect(
      collect(dockerId, stopped.signal, ({ length }) => length === 2 && stopped.abort()),
    ).resolves.toHaveLength(2);
  }, 20_000);

  it('rejects with not_found for a container that is absent', async () => {
    await expect(collect(`devforge-${randomUUID()}`, never)).rejects.toMatchObject({
      name: 'DriverError',
      code: 'not_found',
    });
  });

  it('rejects with unavailable when the engine is away', async () => {
    await expect(harness.away.containers.usage('x', never)[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      name: 'DriverError',
      code: 'unavailable',
    });
  });
});
