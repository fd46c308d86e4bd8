import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import type { RequestMatcher } from '../support/engine-proxy/engine-request.js';
import { crash, cloning, type FaultServer, startFaultServer } from '../support/faults/fault-server.js';
import { clones, creates } from '../support/engine-proxy/matchers.js';
import { expectRemovable, expectRepository, expectComplete } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';

const COMMITS = 4;
const KILLS = 3;
const JOBS: [job: 'create' | 'clone', matches: RequestMatcher][] = [
  ['create', creates('workspace')],
  ['clone', clones],
];

describe.each(['PostgreSQL', 'Redis'])('a job whose worker is killed three times, with the queue on %s', (backend) => {
  let server: FaultServer;
  let git: GitServers;
  let redis: RedisServer | undefined;

  beforeAll(async () => {
    redis = backend === 'Redis' ? await startRedis() : undefined;
    server = await startFaultServer(redis === undefined ? {} : { REDIS_URL: redis.url });
    git = await gitFixture(server);
  }, IMAGE_BUILD_MS);
  afterEach(() => server?.proxy.reset());
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
    await redis?.stop();
  }, 60_000);

  it.each(JOBS)(
    'completes in the end: %s',
    async (_, matches) => {
      let hold = server.proxy.hold(matches, 'before');
      const { id } = ok(await server.api.create(cloning(git)));
      const jobs = new Set<string>();
      for (let kill = 1; kill <= KILLS; kill += 1) {
        await hold.reached();
        const { job } = ok(await server.api.get(id));
        expect(job).toMatchObject({ name: 'create', state: 'active', attempts: kill });
        jobs.add(job!.id);
        await crash(server);
        if (kill < KILLS) hold = server.proxy.hold(matches, 'before');
        await server.devforge.restart();
      }
      expect(jobs.size).toBe(1);
      const container = await expectComplete(server, id);
      const [job] = [...jobs];
      expect(ok(await server.api.job(job!))).toMatchObject({ state: 'completed', attempts: KILLS + 1, error: null });
      await expectRepository(server, container, COMMITS);
      await expectRemovable(server, id);
    },
    120_000,
  );
});
