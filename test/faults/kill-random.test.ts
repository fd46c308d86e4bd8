import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { CreateRequests } from '../support/faults/create-requests.js';
import { crash, cloning, type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import { type Random, seededRandom } from '../support/faults/random.js';
import { expectedTraces, expectRepository, idsCreatedThrough, tracesOf } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';

const COMMITS = 4;
const MAX_UPTIME_MS = 1_200;
/** Of ten kills, so many come before the server is ready. */
const EARLY_OF_TEN = 2;
const AT_ONCE = 4;
const SETTLED = ['running', 'failed'];

describe.each([
  ['PostgreSQL', 30],
  ['Redis', 15],
])('SIGKILLs at random moments, with the queue on %s', (backend, kills) => {
  let server: FaultServer;
  let git: GitServers;
  let redis: RedisServer | undefined;

  beforeAll(async () => {
    redis = backend === 'Redis' ? await startRedis() : undefined;
    server = await startFaultServer(redis === undefined ? {} : { REDIS_URL: redis.url });
    git = await gitFixture(server);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
    await redis?.stop();
  }, 120_000);

  /** Draws everything up to the next kill in advance, so that the seed alone decides. */
  const drawRound = ({ next, below }: Random) => ({
    early: below(10) < EARLY_OF_TEN,
    uptimeMs: below(MAX_UPTIME_MS),
    bodies: Array.from({ length: 1 + below(2) }, () => (next() < 0.5 ? small({ memoryLimit: 128 }) : cloning(git))),
  });

  it(`${kills} times during creates keep every accepted container once, and leave nothing after the delete`, async () => {
    const random = seededRandom();
    process.stdout.write(`kill-random on ${backend}: DEVFORGE_FAULT_SEED=${random.seed}\n`);
    const requests = new CreateRequests(server.api);
    for (let kill = 1; kill <= kills; kill += 1) {
      const { early, uptimeMs, bodies } = drawRound(random);
      const starting = kill === 1 ? Promise.resolve() : server.devforge.restart();
      starting.catch(() => undefined);
      if (!early) await starting;
      for (const body of bodies) requests.post(body);
      // The random moment of the kill is the test.
      await sleep(uptimeMs);
      await crash(server);
      await starting.catch(() => undefined);
    }
    await server.devforge.restart();
    const ids = await requests.settle();
    expect(new Set(ids).size).toBe(ids.length);

    const listed = await until(
      'all containers to be settled',
      async () => {
        const { items } = ok(await server.api.list({ limit: 500 }));
        return items.every(({ status }) => SETTLED.includes(status)) && items;
      },
      120_000,
    );
    expect(listed.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(listed.filter(({ status }) => status === 'failed').map(({ statusReason }) => statusReason)).toEqual([]);
    expect([...idsCreatedThrough(server.proxy)].filter((id) => !server.api.accepted.has(id))).toEqual([]);
    await inGroups(listed, expectSound);

    await inGroups(listed, async ({ id }) => expect((await server.api.remove(id)).status).toBe(204));
    await inGroups(listed, async ({ id }) => expect(await tracesOf(server.engine, id)).toEqual([]));
    expect(ok(await server.api.list()).items).toEqual([]);
  }, 420_000);

  const expectSound = async (container: Container): Promise<void> => {
    expect(container).toMatchObject({
      status: 'running',
      statusReason: null,
      job: { state: 'completed', error: null },
    });
    expect(await tracesOf(server.engine, container.id)).toEqual(expectedTraces(container.id, { key: false }));
    if (container.repoType === 'clone') await expectRepository(server, container, COMMITS);
  };
});

async function inGroups<Item>(items: Item[], work: (item: Item) => Promise<unknown>): Promise<void> {
  for (let index = 0; index < items.length; index += AT_ONCE)
    await Promise.all(items.slice(index, index + AT_ONCE).map(work));
}
