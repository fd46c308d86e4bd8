import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { WarmPoolInMemory } from '../../test/support/warm-pool/warm-pool-in-memory.js';
import type { IdGenerator } from '../common/id-generator.js';
import type { Settings } from '../config/settings.js';
import type { WarmPoolSize } from '../config/warm-pool-settings.js';
import { DriverError } from '../drivers/driver-error.js';
import type { EngineMonitor } from '../drivers/engine-monitor.js';
import { fakeSpec } from '../drivers/fake/fake-workspace.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import type { WorkspaceSpec } from '../drivers/workspace.js';
import type { Presence } from '../persistence/presence.js';
import type { WorkspaceSpecs } from '../workspace/workspace-specs.js';
import { WarmPool } from './warm-pool.js';
import { WarmPoolCounters } from './warm-pool-counters.js';
import { WarmPoolKeeper } from './warm-pool-keeper.js';
import { WarmWorkspaceMaker } from './warm-workspace-maker.js';

const IMAGE = 'devforge/workspace-claude:fake';
const LIMITS = { cpus: 2, memoryMiB: 2_048, diskMiB: 10_240, pids: 512 };

describe('a warm pool', () => {
  let pool: WarmPoolInMemory;
  let driver: FakeWorkspaceDriver;
  let settings: { warmPool: WarmPoolSize[] };
  let counters: WarmPoolCounters;
  let keeper: WarmPoolKeeper;
  let warm: WarmPool;
  let ended: string[];
  let made: number;

  const keep = (): Promise<void> => keeper.keep(new AbortController().signal);
  const states = (): string[] => [...pool.rows.values()].map(({ state }) => state);
  const claimant = (overrides = {}) => containerRow({ template: 'claude', egress: 'open', ...overrides });
  const claimed = async (): Promise<string> => (await warm.claim(claimant()))!;
  const wanted = (id: string, overrides: Partial<WorkspaceSpec> = {}): WorkspaceSpec =>
    fakeSpec({ id, image: IMAGE, limits: LIMITS, env: { DEVFORGE_CONTAINER_ID: id, BASE: '1' }, ...overrides });
  const take = (spec: WorkspaceSpec) => warm.take(spec, new AbortController().signal);

  beforeEach(() => {
    pool = new WarmPoolInMemory();
    driver = new FakeWorkspaceDriver();
    settings = { warmPool: [{ template: 'claude', fenced: false, min: 2, max: 4 }] };
    counters = new WarmPoolCounters();
    [ended, made] = [[], 0];
    const specs = {
      ofWarm: (id: string, { fenced }: { fenced: boolean }, image: string) =>
        wanted(id, { image, egress: { mode: fenced ? 'none' : 'open', allow: [] } }),
    };
    const presence = { holder: 'me', hasEnded: async (holder: string) => ended.includes(holder) };
    const clock = new FakeClock();
    const maker = new WarmWorkspaceMaker(
      driver,
      specs as unknown as WorkspaceSpecs,
      pool,
      presence as unknown as Presence,
      { next: () => `w${(made += 1)}` } as IdGenerator,
      clock,
    );
    const monitor = { info: async () => driver.engine } as unknown as EngineMonitor;
    const all = settings as unknown as Settings;
    keeper = new WarmPoolKeeper(pool, maker, driver, monitor, all, clock, quietLogger());
    warm = new WarmPool(pool, keeper, driver, counters, all, clock);
  });

  describe('is kept', () => {
    it('at its size, with workspaces that run and have answered', async () => {
      await keep();
      expect(states()).toEqual(['ready', 'ready']);
      for (const { id } of pool.rows.values()) expect(driver.require(id)).toMatchObject({ state: 'running' });
      expect(driver.execs.map(({ ref }) => ref.id)).toEqual(['w1', 'w2']);
      await keep();
      expect(made).toBe(2);
    });

    it('larger while more containers are created, within its bounds', async () => {
      pool.created = 3;
      await keep();
      expect(states()).toHaveLength(3);
      pool.created = 50;
      await keep();
      expect(states()).toHaveLength(4);
      pool.created = 0;
      await keep();
      expect([...pool.rows.keys()]).toEqual(['w1', 'w2']);
      expect((await driver.list()).map(({ id }) => id)).toEqual(['w1', 'w2']);
    });

    it('without workspaces that stopped, vanished or are of another image', async () => {
      settings.warmPool = [{ template: 'claude', fenced: false, min: 3, max: 3 }];
      await keep();
      driver.exit('w1', 1);
      driver.vanish('w2');
      pool.rows.set('w3', { ...pool.rows.get('w3')!, fingerprint: 'of another image' });
      await keep();
      expect([...pool.rows.keys()]).toEqual(['w4', 'w5', 'w6']);
      expect((await driver.list()).map(({ id }) => id)).toEqual(['w4', 'w5', 'w6']);
    });

    it('empty when the settings have none any more', async () => {
      await keep();
      settings.warmPool = [];
      await keep();
      expect(states()).toEqual([]);
      expect(await driver.list()).toEqual([]);
    });

    it('without what processes that died were making, and leaves that of others alone', async () => {
      const reservation = { template: 'claude', fenced: false, size: 2, max: 2, now: new Date() } as const;
      let next = 0;
      await pool.reserve({ ...reservation, holder: 'other' }, () => `o${(next += 1)}`);
      await keep();
      expect([made, states()]).toEqual([0, ['making', 'making']]);
      ended = ['other'];
      await keep();
      expect([...pool.rows.keys()]).toEqual(['w1', 'w2']);
    });

    it('without a workspace that does not answer, whose error is told', async () => {
      driver.onExec = () => ({ exitCode: 126 });
      await expect(keep()).rejects.toThrow('does not answer');
      expect(states()).toEqual([]);
      expect(await driver.list()).toEqual([]);
    });

    it('with what could not be removed in mind', async () => {
      await keep();
      settings.warmPool = [];
      driver.faults.failNext('remove', new DriverError('failed', 'busy'));
      await expect(keep()).rejects.toThrow('busy');
      expect(states()).toContain('ending');
      await keep();
      expect(states()).toEqual([]);
    });
  });

  describe('gives a container', () => {
    beforeEach(() => keep());

    it('each workspace once', async () => {
      const ids = [await claimed(), await claimed()];
      expect(ids).toEqual(['w1', 'w2']);
      await expect(warm.claim(claimant())).resolves.toBeNull();
      expect(counters.claims).toEqual({ hit: 2, miss: 1 });
      await warm.release('w1');
      await expect(claimed()).resolves.toBe('w1');
    });

    it.each([
      ['another template', { template: 'both' }],
      ['no network', { egress: 'restricted' }],
      ['a volume of another container', { dataId: 'other' }],
      ['a Git key', { sshKeyPath: '/keys/id' }],
      ['a committer', { gitName: 'Ada' }],
    ])('none when it needs %s', async (_, needs) => {
      await expect(warm.claim(claimant(needs))).resolves.toBeNull();
      expect(counters.claims).toEqual({ hit: 0, miss: 0 });
    });

    it('its environment, limits and egress', async () => {
      const id = await claimed();
      const limits = { ...LIMITS, cpus: 1, memoryMiB: 512 };
      const spec = wanted(id, { limits, env: { DEVFORGE_CONTAINER_ID: id, BASE: '2', MORE: 'x' } });
      const { runtimeId } = driver.require(id);
      await expect(take(spec)).resolves.toEqual({ runtimeId, addedEnv: { BASE: '2', MORE: 'x' } });
      expect(driver.require(id)).toMatchObject({ runtimeId, spec: { limits } });
      // A worker may do it again.
      await expect(take(spec)).resolves.toMatchObject({ runtimeId });
    });

    it.each<[string, (id: string) => Partial<WorkspaceSpec>]>([
      ['is of another image', () => ({ image: 'another' })],
      ['lacks its Git key', () => ({ readGitKey: async () => Buffer.from('key') })],
      ['has a network', () => ({ egress: { mode: 'none', allow: [] } })],
      ['has a variable that it must not have', (id) => ({ env: { DEVFORGE_CONTAINER_ID: id } })],
    ])('none that %s', async (_, needs) => {
      const id = await claimed();
      await expect(take(wanted(id, needs(id)))).resolves.toBeNull();
    });

    it('none that was not claimed, stopped or was created anew', async () => {
      await expect(take(wanted('w1'))).resolves.toBeNull();
      await expect(take(wanted('unknown'))).resolves.toBeNull();
      const id = await claimed();
      driver.exit(id, 0);
      await expect(take(wanted(id))).resolves.toBeNull();
      driver.vanish(id);
      await expect(take(wanted(id))).resolves.toBeNull();
    });
  });
});
