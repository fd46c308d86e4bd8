import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { type FaultServer, cloning, crash, small, startFaultServer } from '../support/faults/fault-server.js';
import { creates } from '../support/faults/requests.js';
import { type SecondServer, startSecondServer } from '../support/faults/second-server.js';
import { expectRemovable, expectRepository, expectWhole } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const COMMITS = 4;
/** What a survivor may take until it has done the work of a process that died. */
const TAKE_OVER_MS = 25_000;
const LEASE_MS = 15_000;

describe('two processes on one data folder', () => {
  let first: FaultServer;
  let second: SecondServer;
  let git: GitServers;

  beforeAll(async () => {
    first = await startFaultServer();
    second = await startSecondServer(first);
    git = await gitFixture(first);
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    for (const { gate } of [first, second]) gate.reset();
    for (const id of second.api.accepted) first.api.accepted.add(id);
  });
  afterAll(async () => {
    await second?.end();
    await first?.dispose();
    await second?.dispose();
    await git?.close();
  }, 120_000);

  const createOn = async ({ api }: Pick<SecondServer, 'api'>, body: CreateContainer): Promise<string> => ok(await api.create(body)).id;
  const removeAll = async (ids: string[]): Promise<void> => {
    await Promise.all(ids.map((id, index) => expectRemovable({ api: [first, second][index % 2]!.api, engine: first.engine }, id)));
  };

  it('makes each of 20 once that are asked for at both in turn', async () => {
    const bodies = Array.from({ length: 20 }, (_, index) => (index % 4 === 0 ? cloning(git) : small({ memoryLimit: 128 })));
    const ids = await Promise.all(bodies.map((body, index) => createOn([first, second][index % 2]!, body)));
    for (const [index, id] of ids.entries()) {
      const container = await expectWhole({ api: [second, first][index % 2]!.api, engine: first.engine }, id, { key: false }, 120_000);
      if (container.repoType === 'clone') await expectRepository(first, container, COMMITS);
      expect(ok(await first.api.job(container.job!.id))).toMatchObject({ attempts: 1 });
    }
    await removeAll(ids);
  }, 240_000);

  it('finishes what the other one had under way when it was killed', async () => {
    const ids = await Promise.all(Array.from({ length: 6 }, (_, index) => createOn([first, second][index % 2]!, index % 3 === 0 ? cloning(git) : small())));
    await second.devforge.kill();
    const killedAt = Date.now();
    for (const id of ids) await first.api.waitForStatus(id, 'running');
    expect(Date.now() - killedAt).toBeLessThan(TAKE_OVER_MS);
    for (const id of ids) await expectWhole(first, id);
    await second.devforge.restart();
    await removeAll(ids);
  }, 180_000);

  it('refuses the one that was frozen for longer than its lease', async () => {
    const holds = [first.gate, second.gate].map((gate) => gate.hold(creates('workspace'), 'before'));
    const id = await createOn(first, small());
    const index = await Promise.race(holds.map(async (hold, of) => hold.reached().then(() => of)));
    const [frozen, awake] = index === 0 ? [first, second] : [second, first];
    holds[1 - index]!.release();
    frozen.devforge.freeze(true);
    await sleep(LEASE_MS);
    const container = await expectWhole({ api: awake.api, engine: first.engine }, id, { key: false }, TAKE_OVER_MS);
    expect(container.job).toMatchObject({ attempts: 2 });

    frozen.devforge.freeze(false);
    holds[index]!.release();
    // Its renewals come every five seconds: by then it has noticed.
    await sleep(6_000);
    const after = await expectWhole({ api: frozen.api, engine: first.engine }, id);
    expect(after).toEqual(container);
    expect(ok(await frozen.api.list()).items.map(({ id: listed }) => listed)).toEqual([id]);
    await removeAll([id]);
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
