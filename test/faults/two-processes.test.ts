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
import { expectRemovable, expectRepository, expectComplete } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const COMMITS = 4;
const MIB = 1024 * 1024;
/** Time in which the surviving process completes the jobs of the one that died: a lease and a busy machine. */
const TAKE_OVER_MS = 60_000;
const LEASE_MS = 15_000;
/** Longer than the interval at which progress is written, so that the next write is due. */
const DUE_MS = 250;

describe('two processes on one data folder', () => {
  let first: FaultServer;
  let second: SecondServer;
  let git: GitServers;

  beforeAll(async () => {
    first = await startFaultServer();
    second = await startSecondServer(first);
    git = await gitFixture(first);
    // One file for each percent, so that git reports progress often during the transfer.
    const files = Object.fromEntries(
      Array.from({ length: 128 }, (_, index) => [`${index}.bin`, randomBytes(MIB / 32)]),
    );
    await git.createRepository('many-files', { files, commits: COMMITS - 1 });
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    first?.proxy.reset();
    second?.proxy.reset();
    for (const server of [first, second]) if (server && !server.devforge.isRunning) await server.devforge.restart();
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
  /** A create of this process that is held before the engine sees it. The other process may take jobs, so it creates until one is held. */
  const createHeldBy = async (server: Pick<SecondServer, 'api' | 'proxy'>): Promise<{ hold: Hold; id: string }> => {
    const hold = server.proxy.hold(creates('workspace'), 'before');
    const reached = hold.reached(60_000);
    for (;;) {
      const id = await createOn(server, small());
      const held = await Promise.race([reached, server.api.waitForStatus(id, 'running')]);
      if ('url' in held) return { hold, id };
      await expectRemovable({ api: server.api, engine: first.engine }, id);
    }
  };

  it('create each of 20 containers once that are requested from both in turn', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) =>
      index % 4 === 0 ? cloning(git) : small({ memoryLimit: 128 }),
    );
    const ids = await Promise.all(bodies.map((body, index) => createOn([first, second][index % 2]!, body)));
    for (const [index, id] of ids.entries()) {
      const container = await expectComplete(
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

  it('take over the jobs of one that was killed', async () => {
    const ids = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        createOn([first, second][index % 2]!, index % 3 === 0 ? cloning(git) : small()),
      ),
    );
    await second.devforge.kill();
    for (const id of ids) await expectComplete(first, id, { key: false }, TAKE_OVER_MS);
    await second.devforge.restart();
    await removeAll(ids);
  }, 180_000);

  it('refuse the writes of one that was frozen for longer than its lease during a clone and a create', async () => {
    git.throttle(MIB / 4);
    const asked = first.proxy.requests.length;
    const clone = await createOn(first, cloning(git, 'many-files'));
    await until(
      'the transfer of the repository',
      async () => {
        const { body } = await first.api.get(clone);
        return body.status === 'cloning' && Number(body.job?.progress) > 57;
      },
      60_000,
    );
    const [frozen, awake] = first.proxy.requests.slice(asked).some(clones) ? [first, second] : [second, first];
    const { hold, id: create } = await createHeldBy(frozen);

    // Git reports more often than progress is written, so a write of the process that is frozen next is due.
    const before = (await jobOf(clone)).message;
    await until('more progress', async () => (await jobOf(clone)).message !== before);
    await sleep(DUE_MS);
    frozen.devforge.freeze(true);
    git.reset();
    const viaAwake = { api: awake.api, engine: first.engine };
    const done = [
      await expectComplete(viaAwake, clone, { key: false }, LEASE_MS + TAKE_OVER_MS),
      await expectComplete(viaAwake, create, { key: false }, TAKE_OVER_MS),
    ];
    for (const { job } of done) expect(job).toMatchObject({ attempts: 2 });

    frozen.devforge.freeze(false);
    hold.release();
    // It renews its leases every five seconds, so it has noticed by then; it reports nothing about it.
    await sleep(6_000);
    const viaFrozen = { api: frozen.api, engine: first.engine };
    expect([await expectComplete(viaFrozen, clone), await expectComplete(viaFrozen, create)].map(withoutAgent)).toEqual(
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

  it('continue when the one that started the database is killed', async () => {
    await crash(first);
    const id = await createOn(second, small());
    const container = await expectComplete({ api: second.api, engine: first.engine }, id);
    expect(container.job).toMatchObject({ attempts: 1 });
    await first.devforge.restart();
    await removeAll([id]);
  }, 120_000);
});
