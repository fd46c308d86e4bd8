import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { CreateRequests } from '../support/faults/create-requests.js';
import { GOOD_BASE, MISSING_BASE } from '../support/faults/base-images.js';
import { crash, cloning, type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import { commandOf, isPostgres, postmasterOf } from '../support/faults/postmaster.js';
import { creates, pullsImage } from '../support/engine-proxy/matchers.js';
import { expectRemovable, expectRepository, expectComplete } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const COMMITS = 4;
const LOAD = 6;

describe('the embedded PostgreSQL', () => {
  let server: FaultServer;
  let git: GitServers;

  beforeAll(async () => {
    server = await startFaultServer();
    git = await gitFixture(server);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  it('is restarted after a SIGKILL under load, and every accepted container runs', async () => {
    const requests = new CreateRequests(server.api);
    const hold = server.proxy.hold(creates('workspace'), 'before');
    for (let index = 0; index < LOAD; index += 1) requests.post(index % 2 === 0 ? small() : cloning(git));
    await hold.reached();
    const killed = postmasterOf(server.devforge);
    expect(await isPostgres(killed)).toBe(true);
    process.kill(killed, 'SIGKILL');
    for (let index = 0; index < 2; index += 1) requests.post(small());
    hold.release();
    await until('the API answers', async () => (await server.api.list()).status === 200, 30_000);
    const ids = await requests.settle();
    expect(ids).toHaveLength(LOAD + 2);
    for (const id of ids) {
      const container = await expectComplete(server, id);
      if (container.repoType === 'clone') await expectRepository(server, container, COMMITS);
    }
    expect(
      ok(await server.api.list())
        .items.map(({ id }) => id)
        .toSorted(),
    ).toEqual(ids.toSorted());
    expect(postmasterOf(server.devforge)).not.toBe(killed);
    expect((await server.api.request('GET', '/health')).status).toBe(200);
    await Promise.all(ids.map((id) => expectRemovable(server, id)));
  }, 180_000);

  it('does not end a server that holds a lock on it, as during the build of an image', async () => {
    await server.devforge.restart({ BASE_IMAGE: MISSING_BASE });
    const pull = server.proxy.hold(pullsImage, 'before');
    const { id } = ok(await server.api.create(small()));
    await pull.reached();
    const killed = postmasterOf(server.devforge);
    process.kill(killed, 'SIGKILL');
    const { pid } = server.devforge;
    await until('the restart', () => postmasterOf(server.devforge) !== killed, 30_000);
    await until('the API answers', async () => (await server.api.list()).status === 200, 30_000);
    pull.release();
    const failed = await until(
      'it fails',
      async () => {
        const { body } = await server.api.get(id);
        return body.status === 'failed' && body;
      },
      30_000,
    );
    expect(failed.statusReason?.code).toBe('base_image_unavailable');
    expect(await commandOf(pid)).toContain('main.js');
    await server.devforge.restart({ BASE_IMAGE: GOOD_BASE });
    await expectRemovable(server, id);
  }, 90_000);

  it('survives a SIGKILL of its parent and is adopted by the next one', async () => {
    const { id } = ok(await server.api.create(small()));
    await expectComplete(server, id);
    const pid = postmasterOf(server.devforge);
    await crash(server);
    expect(await isPostgres(pid)).toBe(true);
    await server.devforge.restart();
    expect(postmasterOf(server.devforge)).toBe(pid);
    expect(server.devforge.log()).toContain(`Adopted the embedded PostgreSQL that was running already (pid ${pid})`);
    await expectComplete(server, id);
    await expectRemovable(server, id);
  }, 90_000);

  it('stops and starts together with its parent', async () => {
    const { id } = ok(await server.api.create(small()));
    await expectComplete(server, id);
    const pid = postmasterOf(server.devforge);
    await server.devforge.kill('SIGTERM');
    expect(await isPostgres(pid)).toBe(false);
    await server.devforge.restart();
    expect(postmasterOf(server.devforge)).not.toBe(pid);
    await expectComplete(server, id);
    await expectRemovable(server, id);
  }, 90_000);
});
