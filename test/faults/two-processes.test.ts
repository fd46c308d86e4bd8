import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { CreateContainer } from '../support/api/types.js';
import { withoutAgent } from '../support/api/without-agent.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { type FaultServer, cloning, crash, small, startFaultServer } from '../support/faults/fault-server.js';
import type { Hold } from '../support/engine-proxy/hold.js';
import { clones, creates } from '../support/engine-proxy/matchers.js';
import { type SecondServer, startSecondServer } from '../support/faults/second-server.js';
import { expectRemovable, expectRepository, expectWhole } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const COMMITS = 4;
const MIB = 1024 * 1024;
/** What a survivor may take until it has done the work of a process that died. */
const TAKE_OVER_MS = 25_000;
const LEASE_MS = 15_000;
/** Within the pace at which progress is written. */
const DUE_MS = 250;

describe('two processes on one data folder', () => {
  let first: FaultServer;
  let second: SecondServer;
  let git: GitServers;

  beforeAll(async () => {
    first = await startFaultServer();
    second = await startSecondServer(first);
    git = await gitFixture(first);
    // One file for each percent, so that git tells much while it comes in.
    const files = Object.fromEntries(
      Array.from({ length: 128 }, (_, index) => [`${index}.bin`, randomBytes(MIB / 32)]),
    );
    await git.createRepository('talkative', { files, commits: COMMITS - 1 });
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    first?.proxy.reset();
    second?.proxy.reset();
    for (const id of second?.api.accepted ?? []) first.api.accepted.add(id);
  });
  afterAll(async () => {
    await second?.end();
    await first?.dispose();
    await second?.dispose();
    await git?.close();
  }, 120_000);

  const createOn = async ({ api }: Pick<SecondServer, 'api'>, body: CreateContainer): Promise<string> =>
    ok(await api.create(body)).id;
  const removeAll = async (ids: string[]): Promise<void> => {
    await Promise.all(
      ids.map((id, index) => expectRemovable({ api: [first, second][index % 2]!.api, engine: first.engine }, id)),
    );
  };

  const jobOf = async (id: string) => (await first.api.get(id)).body.job as { message?: string };
  /** A create that stands still in this process, before the engine knows; the other process takes its share. */
  const heldBy = async (server: Pick<SecondServer, 'api' | 'proxy'>): Promise<{ hold: Hold; id: string }> => {
    const hold = server.proxy.hold(creates('workspace'), 'before');
    const reached = hold.reached(60_000);
    for (;;) {
      const id = await createOn(server, small());
      const held = await Promise.race([reached, server.api.waitForStatus(id, 'running')]);
      if ('url' in held) return { hold, id };
      await expectRemovable({ api: server.api, engine: first.engine }, id);
    }
  };

  it('makes each of 20 once that are asked for at both in turn', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) =>
      index % 4 === 0 ? cloning(git) : small({ memoryLimit: 128 }),
    );
    const ids = await Promise.all(bodies.map((body, index) => createOn([first, second][index % 2]!, body)));
    for (const [index, id] of ids.entries()) {
      const container = await expectWhole(
        { api: [second, first][index % 2]!.api, engine: first.engine },
        id,
        { key: false },
        120_000,
      );
      if (container.repoType === 'clone') await expectRepository(first, container, COMMITS);
      expect(ok(await first.api.job(container.job!.id))).toMatchObject({ attempts: 1 });
    }
    await removeAll(ids);
  }, 240_000);

  it('finishes what the other one had under way when it was killed', async () => {
    const ids = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        createOn([first, second][index % 2]!, index % 3 === 0 ? cloning(git) : small()),
      ),
    );
    await second.devforge.kill();
    const killedAt = Date.now();
    for (const id of ids) await first.api.waitForStatus(id, 'running');
    expect(Date.now() - killedAt).toBeLessThan(TAKE_OVER_MS);
    for (const id of ids) await expectWhole(first, id);
    await second.devforge.restart();
    await removeAll(ids);
  }, 180_000);

  it('refuses the one that was frozen for longer than its lease, in the middle of a clone and of a create', async () => {
    git.throttle(MIB / 4);
    const asked = first.proxy.requests.length;
    const clone = await createOn(first, cloning(git, 'talkative'));
    await until(
      'the repository comes in',
      async () => {
        const { body } = await first.api.get(clone);
        return body.status === 'cloning' && Number(body.job?.progress) > 15;
      },
      60_000,
    );
    const [frozen, awake] = first.proxy.requests.slice(asked).some(clones) ? [first, second] : [second, first];
    const { hold, id: create } = await heldBy(frozen);

    // Git tells more than is written at once: a write of the one that will be frozen is due.
    const told = (await jobOf(clone)).message;
    await until('git goes on', async () => (await jobOf(clone)).message !== told);
    await sleep(DUE_MS);
    frozen.devforge.freeze(true);
    git.reset();
    const viaAwake = { api: awake.api, engine: first.engine };
    const done = [
      await expectWhole(viaAwake, clone, { key: false }, LEASE_MS + TAKE_OVER_MS),
      await expectWhole(viaAwake, create, { key: false }, TAKE_OVER_MS),
    ];
    for (const { job } of done) expect(job).toMatchObject({ attempts: 2 });

    frozen.devforge.freeze(false);
    hold.release();
    // It renews its leases every five seconds, so it has noticed by then; it reports nothing about it.
    await sleep(6_000);
    const viaFrozen = { api: frozen.api, engine: first.engine };
    expect([await expectWhole(viaFrozen, clone), await expectWhole(viaFrozen, create)].map(withoutAgent)).toEqual(
      done.map(withoutAgent),
    );
    await expectRepository(first, done[0]!, COMMITS);
    expect(
      ok(await frozen.api.list())
        .items.map(({ id }) => id)
        .toSorted(),
    ).toEqual([clone, create].toSorted());
    await removeAll([clone, create]);
  }, 180_000);

  it('goes on when the one that started the database is killed', async () => {
    await crash(first);
    const id = await createOn(second, small());
    const container = await expectWhole({ api: second.api, engine: first.engine }, id);
    expect(container.job).toMatchObject({ attempts: 1 });
    await first.devforge.restart();
    await removeAll([id]);
  }, 120_000);
});
