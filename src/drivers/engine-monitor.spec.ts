import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { DomainEvents } from '../events/domain-events.js';
import type { EngineEvent } from './docker/engine/engine-client.js';
import { DriverError } from './driver-error.js';
import { EngineMonitor } from './engine-monitor.js';
import { FakeEngineClient } from './docker/engine/fake/fake-engine-client.js';
import { LABEL_ID } from './docker/labels.js';

const PING_EVERY_MS = 3_000;
const FIRST_RETRY_MS = 250;
const late = new DriverError('unavailable', 'ping: late');

describe('EngineMonitor', () => {
  let runtime: FakeEngineClient;
  let clock: FakeClock;
  let monitor: EngineMonitor;
  let told: string[];
  let seen: EngineEvent[];

  beforeEach(() => {
    runtime = new FakeEngineClient();
    clock = new FakeClock();
    const events = new DomainEvents(quietLogger());
    monitor = new EngineMonitor(runtime, events, clock, quietLogger());
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
    runtime.system.emit('start', 'd', { [LABEL_ID]: 'x' });
    expect(seen).toEqual([expect.objectContaining({ action: 'start', dockerId: 'd', labels: { [LABEL_ID]: 'x' } })]);
  });

  it('says that the engine is away once, and again that it is back', async () => {
    runtime.faults.goAway();
    monitor.start();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    await clock.advance(2 * FIRST_RETRY_MS);
    expect(told).toEqual(['unavailable']);
    runtime.faults.comeBack();
    await clock.advance(4 * FIRST_RETRY_MS);
    expect(told).toEqual(['unavailable', 'available']);
    runtime.faults.goAway();
    await settled();
    expect(told).toEqual(['unavailable', 'available', 'unavailable']);
  });

  it('asks an engine that is away less and less often, up to every five seconds', async () => {
    runtime.faults.goAway();
    monitor.start();
    await settled();
    const pauses = [250, 500, 1_000, 2_000, 4_000, 5_000, 5_000];
    for (const pause of pauses) {
      const before = runtime.faults.calls.length;
      await clock.advance(pause - 1);
      expect(runtime.faults.calls).toHaveLength(before);
      await clock.advance(1);
      expect(runtime.faults.calls).toHaveLength(before + 1);
    }
  });

  it('takes one slow answer for load, and two in a row for absence', async () => {
    monitor.start();
    await settled();
    runtime.faults.failNext('engine.ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(told).toEqual(['available']);
    runtime.faults.failNext('engine.ping', late);
    runtime.faults.failNext('engine.ping', late);
    await clock.advance(PING_EVERY_MS);
    expect(told).toEqual(['available', 'unavailable']);
    await clock.advance(FIRST_RETRY_MS);
    expect(told).toEqual(['available', 'unavailable', 'available']);
  });

  it('follows the events anew when their stream ends', async () => {
    monitor.start();
    await settled();
    runtime.system.endWatches();
    await settled();
    await clock.advance(FIRST_RETRY_MS);
    expect(told).toEqual(['available', 'unavailable', 'available']);
    runtime.system.emit('die', 'd', {});
    expect(seen).toHaveLength(1);
  });

  it('asks what the engine is once for as long as it stays', async () => {
    monitor.start();
    await settled();
    await expect(Promise.all([monitor.info(), monitor.info()])).resolves.toEqual([
      runtime.system.present,
      runtime.system.present,
    ]);
    expect(runtime.faults.calls.filter((call) => call === 'engine.info')).toHaveLength(1);
    runtime.system.endWatches();
    await settled();
    runtime.system.present = { version: '29.0.0', cpus: 8 };
    await expect(monitor.info()).resolves.toEqual({ version: '29.0.0', cpus: 8 });
  });

  it('asks again what the engine is when it did not answer', async () => {
    runtime.faults.failNext('engine.info', late);
    await expect(monitor.info()).rejects.toBe(late);
    await expect(monitor.info()).resolves.toEqual(runtime.system.present);
  });

  it('ends at shutdown, whether the engine is there or not', async () => {
    monitor.start();
    await settled();
    await expect(monitor.onApplicationShutdown()).resolves.toBeUndefined();
    runtime.system.emit('start', 'd', {});
    expect([seen, told]).toEqual([[], ['available']]);
  });
});
