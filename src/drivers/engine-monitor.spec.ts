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
  let told: string[];
  let seen: WorkspaceEvent[];

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    clock = new FakeClock();
    const events = new DomainEvents(quietLogger());
    monitor = new EngineMonitor(driver, events, clock, quietLogger());
    told = [];
    seen = [];
    events.on('engine.available', () => void told.push('available'));
    events.on('engine.unavailable', () => void told.push('unavailable'));
    monitor.onEvent((event) => seen.push(event));
  });

  afterEach(() => monitor.onApplicationShutdown());

  it('says that the engine answers once it does, and hands its events on', async () => {
    monitor.start();
    monitor.start();
    await settled();
    expect(told).toEqual(['available']);
    driver.emit('started', { id: 'x', runtimeId: 'r' });
    expect(seen).toEqual([expect.objectContaining({ type: 'started', id: 'x', runtimeId: 'r' })]);
  });

  it('says that the engine is away once, and again that it is back', async () => {
    driver.faults.goAway();
    monitor.start();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    await clock.advance(2 * FIRST_RETRY_MS);
    expect(told).toEqual(['unavailable']);
    driver.faults.comeBack();
    await clock.advance(4 * FIRST_RETRY_MS);
    expect(told).toEqual(['unavailable', 'available']);
    driver.faults.goAway();
    await settled();
    expect(told).toEqual(['unavailable', 'available', 'unavailable']);
  });

  it('asks an engine that is away less and less often, up to every five seconds', async () => {
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

  it('takes one slow answer for load, and two in a row for absence', async () => {
    monitor.start();
    await settled();
    driver.faults.failNext('ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(told).toEqual(['available']);
    driver.faults.failNext('ping', late);
    driver.faults.failNext('ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(told).toEqual(['available', 'unavailable']);
    await clock.advance(FIRST_RETRY_MS);
    expect(told).toEqual(['available', 'unavailable', 'available']);
  });

  it('follows the events anew when their stream ends', async () => {
    monitor.start();
    await settled();
    driver.endWatches();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    expect(told).toEqual(['available', 'unavailable', 'available']);
    driver.emit('exited', { id: 'x', runtimeId: 'r' });
    expect(seen).toHaveLength(1);
  });

  it('asks what the engine is once for as long as it stays', async () => {
    monitor.start();
    await settled();
    await expect(Promise.all([monitor.info(), monitor.info()])).resolves.toEqual([
      { version: driver.version },
      { version: driver.version },
    ]);
    expect(driver.faults.calls.filter((call) => call === 'info')).toHaveLength(1);
    driver.endWatches();
    await settled();
    driver.version = '29.0.0';
    await expect(monitor.info()).resolves.toEqual({ version: '29.0.0' });
  });

  it('asks again what the engine is when it did not answer', async () => {
    driver.faults.failNext('info', late);
    await expect(monitor.info()).rejects.toBe(late);
    await expect(monitor.info()).resolves.toEqual({ version: driver.version });
  });

  it('ends at shutdown, whether the engine is there or not', async () => {
    monitor.start();
    await settled();
    await expect(monitor.onApplicationShutdown()).resolves.toBeUndefined();
    driver.emit('started', { id: 'x', runtimeId: 'r' });
    expect([seen, told]).toEqual([[], ['available']]);
  });
});
