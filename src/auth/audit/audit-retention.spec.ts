import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import type { Settings } from '../../config/settings.js';
import type { AuditEventsRepository } from '../../persistence/audit/audit-events.repository.js';
import { AuditRetention } from './audit-retention.js';

const HOUR_MS = 3_600_000;

function make(auditRetentionMs: number | null, removed: number[] = []) {
  const clock = new FakeClock();
  const calls: Date[] = [];
  const events = {
    removeBefore: async (time: Date) => {
      calls.push(time);
      return removed.shift() ?? 0;
    },
  } as unknown as AuditEventsRepository;
  const retention = new AuditRetention(events, clock, { auditRetentionMs } as Settings, quietLogger());
  return { clock, calls, retention };
}

describe('AuditRetention', () => {
  it('deletes what is older than it is kept for, at the start and every hour', async () => {
    const { clock, calls, retention } = make(HOUR_MS);
    const start = clock.now().getTime();
    retention.onApplicationBootstrap();
    await clock.advance(0);
    expect(calls).toEqual([new Date(start - HOUR_MS)]);
    await clock.advance(HOUR_MS);
    expect(calls).toEqual([new Date(start - HOUR_MS), new Date(start)]);
    await retention.onModuleDestroy();
  });

  it('deletes in parts until nothing old is left', async () => {
    const { clock, calls, retention } = make(HOUR_MS, [5_000, 5_000, 17]);
    retention.onApplicationBootstrap();
    await clock.advance(0);
    expect(calls).toHaveLength(3);
    await retention.onModuleDestroy();
  });

  it('deletes nothing when events are kept for ever', async () => {
    const { clock, calls, retention } = make(null);
    retention.onApplicationBootstrap();
    await clock.advance(HOUR_MS);
    expect(calls).toEqual([]);
    await retention.onModuleDestroy();
  });
});
