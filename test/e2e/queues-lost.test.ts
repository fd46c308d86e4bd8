import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { cloning, expectProvisioned, MORE_JOBS_THAN_WORKERS, wanted } from '../support/e2e/provisioned.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';

describe('provisioning on a Redis that loses its data', () => {
  let redis: RedisServer;
  let server: TestServer;
  let git: GitServers;

  beforeAll(async () => {
    redis = await startRedis();
    server = await startTestServer({ REDIS_URL: redis.url });
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => git?.reset());
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([git?.close(), redis?.stop()]);
  }, 60_000);

  it('provisions every container, whether its job was running, waiting or created during the outage', async () => {
    git.hang(true);
    const early = await Promise.all(
      Array.from({ length: MORE_JOBS_THAN_WORKERS }, async () => ok(await server.api.create(cloning(git)))),
    );
    await Promise.all(early.map(({ id }) => server.api.waitForStatus(id, 'cloning')));
    await redis.kill();
    const duringOutage = await Promise.all(
      [wanted(), cloning(git)].map(async (body) => ok(await server.api.create(body))),
    );
    await redis.restart();
    const late = ok(await server.api.create(wanted()));
    git.hang(false);
    // The reconciler enqueues a lost job after a minute.
    for (const container of [...early, ...duringOutage, late]) {
      await server.api.waitForStatus(container.id, 'running', 120_000);
      await expectProvisioned(server, container);
    }
  }, 180_000);

  it('serves reads and lifecycle calls while Redis is frozen', async () => {
    const { id } = ok(await server.api.create(wanted(), { prefer: 'wait=30' }));
    redis.pause();
    try {
      expect(ok(await server.api.stop(id)).status).toBe('stopped');
      expect(ok(await server.api.start(id)).status).toBe('running');
      expect((await server.api.create(wanted())).status).toBe(202);
      expect((await server.api.remove(id)).status).toBe(204);
    } finally {
      redis.resume();
    }
    const [newest] = ok(await server.api.list({ limit: 1 })).items;
    await server.api.waitForStatus(newest!.id, 'running', 100_000);
  }, 150_000);
});
