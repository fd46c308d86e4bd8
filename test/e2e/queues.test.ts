import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { cloning, expectProvisioned, MORE_JOBS_THAN_WORKERS, wanted } from '../support/e2e/provisioned.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

describe.each(['PostgreSQL', 'Redis'] as const)('provisioning on a queue in %s', (backend) => {
  let redis: RedisServer | undefined;
  let server: TestServer;
  let git: GitServers;

  beforeAll(async () => {
    redis = backend === 'Redis' ? await startRedis() : undefined;
    server = await startTestServer(redis ? { REDIS_URL: redis.url } : {});
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => git?.reset());
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([git?.close(), redis?.stop()]);
  }, 60_000);

  it('provisions containers with and without a repository', async () => {
    const bodies = [
      wanted(),
      cloning(git),
      cloning(git, { repoUrl: git.url('ssh', 'secret'), sshKeyPath: server.key.privateKeyPath }),
    ];
    const accepted = await Promise.all(bodies.map(async (body) => ok(await server.api.create(body))));
    const [, clone, secret] = await Promise.all(accepted.map(({ id }) => server.api.waitForStatus(id, 'running')));
    const read = async ({ dockerId }: Container, file: string) =>
      (await server.engine.exec(dockerId!, ['cat', `/workspace/${file}`])).stdout;
    expect([await read(clone!, 'README.md'), await read(secret!, 'secret.txt')]).toEqual(['hello\n', 'kept\n']);
    await expectProvisioned(server, clone!);
  });

  it('retries a job that failed for a passing reason, and counts the attempts', async () => {
    git.failNext(1);
    const { id } = ok(await server.api.create(cloning(git)));
    const container = await server.api.waitForStatus(id, 'running');
    expect(ok(await server.api.job(container.job!.id))).toMatchObject({ state: 'completed', attempts: 2 });
  });

  it('fails a job at once that a retry cannot fix, and provisions its container on a start', async () => {
    const name = uniqueName('repo');
    const { id } = ok(await server.api.create(cloning(git, { repoUrl: git.url('https', name) })));
    const failed = await server.api.waitForStatus(id, 'failed');
    expect(failed.statusReason).toMatchObject({ code: 'git_repository_not_found' });
    expect(ok(await server.api.job(failed.job!.id))).toMatchObject({ state: 'failed', attempts: 1 });
    await git.createRepository(name);
    expect(ok(await server.api.start(id)).status).toBe('running');
  });

  it('runs other kinds of jobs while all workers of clones are busy, and all clones in the end', async () => {
    git.hang(true);
    const accepted = await Promise.all(
      Array.from({ length: MORE_JOBS_THAN_WORKERS }, async () => ok(await server.api.create(cloning(git)))),
    );
    await Promise.all(accepted.map(({ id }) => server.api.waitForStatus(id, 'cloning')));
    const quick = ok(await server.api.create(wanted(), { prefer: 'wait=30' }));
    expect(quick.status).toBe('running');
    git.hang(false);
    for (const container of accepted) {
      await server.api.waitForStatus(container.id, 'running');
      await expectProvisioned(server, container);
    }
  }, 90_000);

  it('abandons the job of a container that is deleted', async () => {
    git.hang(true);
    const { id } = ok(await server.api.create(cloning(git)));
    await server.api.waitForStatus(id, 'cloning');
    expect((await server.api.remove(id)).status).toBe(204);
    git.hang(false);
    expect((await server.api.get(id)).status).toBe(404);
    await until('nothing is left', async () => {
      const { containers, volumes } = await server.engine.labelled(id);
      return containers.length + volumes.length === 0;
    });
  }, 60_000);
});
