import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import { DomainEvents } from '../events/domain-events.js';
import { PausedWorkspaces } from './paused-workspaces.js';

const MOMENT_MS = 5_000;

describe('PausedWorkspaces', () => {
  let driver: FakeWorkspaceDriver;
  let clock: FakeClock;
  let paused: PausedWorkspaces;
  let monitor: EngineMonitor;
  let told: string[];

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    clock = new FakeClock();
    told = [];
    await driver.pause(driver.run({ id: 'before' }));
    driver.run({ id: 'running' });
    const events = new DomainEvents(quietLogger());
    monitor = new EngineMonitor(driver, events, clock, quietLogger());
    paused = new PausedWorkspaces(driver, monitor, events, clock, quietLogger());
    paused.onApplicationBootstrap();
    monitor.start();
    await settled();
  });

  const ref = (id: string) => driver.require(id);
  const known = (): string[] => ['before', 'running'].filter((id) => paused.isPaused(id));

  it('are those that were paused already, and those whose events say so', async () => {
    expect(known()).toEqual(['before']);
    await driver.unpause(ref('before'));
    await driver.pause(ref('running'));
    expect(known()).toEqual(['running']);
    driver.exit('running', 0);
    expect(known()).toEqual([]);
  });

  it('are observed again when the engine comes back', async () => {
    driver.endWatches();
    await settled();
    ref('before').state = 'running';
    ref('running').state = 'paused';
    await clock.advance(5_000);
    await settled();
    expect(known()).toEqual(['running']);
  });

  it('refuse what would talk to their programs', () => {
    const refusal = { code: 'invalid_state', extensions: { currentStatus: 'running' } };
    expect(() => paused.requireUnpaused(containerRow({ id: 'before' }))).toThrow(expect.objectContaining(refusal));
    expect(() => paused.requireUnpaused(containerRow({ id: 'running' }))).not.toThrow();
  });

  it('tell those who wait once a pause lasts for longer than a moment', async () => {
    paused.onStillPaused('running', () => told.push('waiting'));
    paused.onStillPaused('running', () => told.push('gone'))();
    await driver.pause(ref('running'));
    await clock.advance(MOMENT_MS - 1);
    await driver.unpause(ref('running'));
    await clock.advance(MOMENT_MS);
    expect(told).toEqual([]);
    await driver.pause(ref('running'));
    await clock.advance(MOMENT_MS);
    await settled();
    expect(told).toEqual(['waiting']);
  });
});
