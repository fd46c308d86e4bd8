import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { GitServers } from '../support/git/git-servers.js';
import { startTwoReplicas, type TwoReplicas } from '../support/replicas/two-replicas.js';
import { SocketClient } from '../support/sockets/socket-client.js';

/** How much later clients of the other replica may see a change on a busy machine; reading the tables again takes longer. */
const WITHIN_MS = 4_000;
/** A worker reads the row of its container at this interval. */
const LEASE_RENEWAL_MS = 5_000;
/** How late this test may notice the renewal of a lease. */
const POLL_MS = 250;
const SHUTDOWN_MS = 8_000;

const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
  name: uniqueName('replica'),
  template: 'claude',
  memoryLimit: 128,
  ...extra,
});
const statusesOf = (client: SocketClient, id: string) =>
  client
    .all('status:update')
    .filter(({ containerId }) => containerId === id)
    .map(({ status }) => status)
    .filter((status, at, all) => status !== all[at - 1]);
const isRemoved = (client: SocketClient, id: string) =>
  client.all('status:removed').some(({ containerId }) => containerId === id);

describe.each(['PostgreSQL', 'Redis'] as const)('two replicas connected by %s', (transport) => {
  let replicas: TwoReplicas;
  let git: GitServers;

  beforeAll(async () => {
    replicas = await startTwoReplicas(transport);
    git = await gitFixture(replicas.a);
  }, IMAGE_BUILD_MS);
  afterEach(() => git?.reset());
  afterAll(async () => {
    await replicas?.dispose();
    await git?.close();
  }, 60_000);

  it('show the changes made by either to the clients of both within a second, from create to delete', async () => {
    const { a, b } = replicas;
    const clients = [await a.subscribeStatus(), await b.subscribeStatus()];
    const sees = (what: string, has: (client: SocketClient) => boolean) =>
      until(what, () => clients.every(has), WITHIN_MS);
    for (const [by, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { id } = ok(await by.api.create(wanted(), { prefer: 'wait=60' }));
      await sees('running', (client) => statusesOf(client, id).at(-1) === 'running');
      for (const client of clients)
        expect(statusesOf(client, id)).toEqual(expect.arrayContaining(['creating', 'starting', 'running']));
      expect(clients[1]!.all('status:update').findLast(({ containerId }) => containerId === id)).toMatchObject({
        job: { name: 'create', state: 'completed', progress: 100 },
      });
      ok(await by.api.stop(id));
      await sees('stopped', (client) => statusesOf(client, id).at(-1) === 'stopped');
      ok(await other.api.start(id));
      await sees('running again', (client) => statusesOf(client, id).at(-1) === 'running');
      await by.api.remove(id);
      await sees('removed', (client) => isRemoved(client, id));
      for (const client of clients)
        expect(client.all('status:removed').filter(({ containerId }) => containerId === id)).toHaveLength(1);
    }
  }, 60_000);

  it('both show the progress of a clone, whichever works on it', async () => {
    const { a, b } = replicas;
    const clients = [await a.subscribeStatus(), await b.subscribeStatus()];
    const { id } = ok(
      await a.api.create(wanted({ repoType: 'clone', repoUrl: git.url('https', 'open') }), { prefer: 'wait=60' }),
    );
    await until('running', () => clients.every((client) => statusesOf(client, id).at(-1) === 'running'), WITHIN_MS);
    for (const client of clients) {
      const jobs = client
        .all('status:update')
        .filter(({ containerId }) => containerId === id)
        .map(({ job }) => job);
      expect(new Set(jobs.map((job) => job?.id)).size).toBe(1);
      expect(jobs.map((job) => job?.step)).toEqual(expect.arrayContaining(['container', 'start', 'clone']));
    }
  }, 60_000);

  it('end subscriptions when the other deletes the container, and pause them when it stops the container', async () => {
    const { a, b } = replicas;
    const { id } = ok(await a.api.create(wanted(), { prefer: 'wait=60' }));
    const client = await b.subscribeStatus();
    for (const event of ['subscribe:logs', 'subscribe:metrics', 'subscribe:status'])
      await expect(client.ask(event, { containerId: id })).resolves.toEqual({ ok: true });
    await until('metrics', () => client.all('metrics:update').length > 0);
    ok(await a.api.stop(id));
    await until('a pause', () => client.all('logs:end').length + client.all('metrics:error').length >= 2, WITHIN_MS);
    ok(await a.api.start(id));
    const { length } = client.all('metrics:update');
    await until('metrics again', () => client.all('metrics:update').length > length);
    await a.api.remove(id);
    // Logs are delivered independently of the status.
    await until(
      'the end',
      () => isRemoved(client, id) && client.all('logs:end').at(-1)?.reason === 'removed',
      WITHIN_MS,
    );
    expect(client.all('logs:end').at(-1)).toEqual({ containerId: id, reason: 'removed' });
    expect(client.all('metrics:error').at(-1)).toMatchObject({
      containerId: id,
      error: { code: 'container_not_found' },
    });
    const at = client.all('metrics:update').length;
    await expect(client.ask('subscribe:logs', { containerId: id })).resolves.toMatchObject({
      error: { code: 'container_not_found' },
    });
    expect(client.all('metrics:update')).toHaveLength(at);
  }, 60_000);

  it('stop their work on a container at once when the other deletes it', async () => {
    const { a, b } = replicas;
    git.hang(true);
    const bodies = Array.from({ length: 6 }, () => wanted({ repoType: 'clone', repoUrl: git.url('https', 'open') }));
    const accepted = await Promise.all(bodies.map(async (body) => ok<Container>(await a.api.create(body))));
    for (const { id } of accepted) await a.api.waitForStatus(id, 'cloning');
    const { pool } = replicas.postgres;
    const rows = await until('both to work on some', async () => {
      const held = await pool.query<{ id: string }>(
        "select distinct on (lease_holder) id from containers where status = 'cloning' and lease_holder is not null",
      );
      return held.rows.length === 2 && held.rows;
    });
    const times = await Promise.all(
      rows.map(async ({ id }) => {
        const expiry = async () =>
          (
            await pool.query<{ at: Date }>('select lease_expires_at as at from containers where id = $1', [id])
          ).rows[0]!.at.getTime();
        const before = await expiry();
        await until('the lease to be renewed', async () => (await expiry()) !== before);
        const from = performance.now();
        expect((await b.api.remove(id)).status).toBe(204);
        return performance.now() - from;
      }),
    );
    // Without the event, the worker would notice it only at the next renewal.
    expect(Math.max(...times)).toBeLessThan(LEASE_RENEWAL_MS - POLL_MS);
    for (const { id } of accepted) await b.api.remove(id);
  }, 90_000);

  it('leave no rows in the table for long messages', async () => {
    const { pool } = replicas.postgres;
    const exists = await pool.query<{ name: string | null }>("select to_regclass('socket_io_attachments') as name");
    expect(exists.rows[0]!.name !== null).toBe(transport === 'PostgreSQL');
    const found = transport === 'PostgreSQL' ? await pool.query('select * from socket_io_attachments') : { rows: [] };
    expect(found.rows).toEqual([]);
  });

  it('shut down in time and leave no connection behind', async () => {
    const { a, b, postgres } = replicas;
    for (const { devforge } of [b, a]) {
      const from = performance.now();
      expect(await devforge.stop()).toMatchObject({ signal: 'SIGTERM' });
      expect(performance.now() - from).toBeLessThan(SHUTDOWN_MS);
    }
    await until('no connection', async () => (await postgres.connections()).length === 0);
  }, 60_000);
});
