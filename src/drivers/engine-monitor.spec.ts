import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { DomainEvents } from '../events/domain-events.js';
import type { WorkspaceEvent } from './workspace.js';
import { DriverError } from './driver-error.js';
import { EngineMonitor } from './engine-monitor.js';
import { FakeWorkspaceDriver } from './fake/fake-workspace-driver.js';

const PING_EVERY_MS = 3_000;
const FIRST_RETRY_MS = 250;
const late = new DriverError('unavailable', 'ping: late');

describe('EngineMonitor', () => {
  let driver: FakeWorkspaceDriver;
  let clock: FakeClock;
  let monitor: EngineMonitor;
  let published: string[];
  let seen: WorkspaceEvent[];

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    clock = new FakeClock();
    const events = new DomainEvents(quietLogger());
    monitor = new EngineMonitor(driver, events, clock, quietLogger());
    published = [];
    seen = [];
    events.on('engine.available', () => void published.push('available'));
    events.on('engine.unavailable', () => void published.push('unavailable'));
    monitor.onEvent((event) => seen.push(event));
  });

  afterEach(() => monitor.onApplicationShutdown());

  it('reports that the engine is available once it answers, and passes its events on', async () => {
    monitor.start();
    monitor.start();
    await settled();
    expect(published).toEqual(['available']);
    driver.emit('started', { id: 'x', runtimeId: 'r' });
    expect(seen).toEqual([expect.objectContaining({ type: 'started', id: 'x', runtimeId: 'r' })]);
  });

  it('reports once that the engine is unavailable, and then that it is available again', async () => {
    driver.faults.goAway();
    monitor.start();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    await clock.advance(2 * FIRST_RETRY_MS);
    expect(published).toEqual(['unavailable']);
    driver.faults.comeBack();
    await clock.advance(4 * FIRST_RETRY_MS);
    expect(published).toEqual(['unavailable', 'available']);
    driver.faults.goAway();
    await settled();
    expect(published).toEqual(['unavailable', 'available', 'unavailable']);
  });

  it('pings an unavailable engine at growing intervals of up to five seconds', async () => {
    driver.faults.goAway();
    monitor.start();
    await settled();
    const pauses = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000];
    for (const pause of pauses) {
      const before = driver.faults.calls.length;
      await clock.advance(pause - 1);
      expect(driver.faults.calls).toHaveLength(before);
      await clock.advance(1);
      expect(driver.faults.calls).toHaveLength(before + 1);
    }
  });

  it('tolerates one slow answer, and reports the engine as unavailable after two in a row', async () => {
    monitor.start();
    await settled();
    driver.faults.failNext('ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(published).toEqual(['available']);
    driver.faults.failNext('ping', late);
    driver.faults.failNext('ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(published).toEqual(['available', 'unavailable']);
    await clock.advance(FIRST_RETRY_MS);
    expect(published).toEqual(['available', 'unavailable', 'available']);
  });

  it('opens the event stream again when it ends', async () => {
    monitor.start();
    await settled();
    driver.endWatches();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    expect(published).toEqual(['available', 'unavailable', 'available']);
    driver.emit('exited', { id: 'x', runtimeId: 'r' });
    expect(seen).toHaveLength(1);
  });

  it('caches what the engine is until its event stream ends', async () => {
    monitor.start();
    await settled();
    await expect(Promise.all([monitor.info(), monitor.info()])).resolves.toEqual([driver.engine, driver.engine]);
    expect(driver.faults.calls.filter((call) => call === 'info')).toHaveLength(1);
    driver.endWatches();
    await settled();
    driver.engine = { ...driver.engine, version: '29.0.0' };
    await expect(monitor.info()).resolves.toMatchObject({ version: '29.0.0' });
  });

  it('does not cache a failed request for what the engine is', async () => {
    driver.faults.failNext('info', late);
    await expect(monitor.info()).rejects.toBe(late);
    await expect(monitor.info()).resolves.toEqual(driver.engine);
  });

  it('stops at shutdown, whether or not the engine is available', async () => {
    monitor.start();
    await settled();
    await expect(monitor.onApplicationShutdown()).resolves.toBeUndefined();
    driver.emit('started', { id: 'x', runtimeId: 'r' });
    expect([seen, published]).toEqual([[], ['available']]);
  });
});
