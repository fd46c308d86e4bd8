import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { GitServers } from '../support/git/git-servers.js';
import { startTwoReplicas, type TwoReplicas } from '../support/replicas/two-replicas.js';
import type { SocketClient } from '../support/sockets/socket-client.js';

/** Time in which missed events are found in the database. */
const DETECTION_MS = 18_000;
/** Time in which a lost transport is connected again. */
const RECONNECT_MS = 8_000;
/** How much later clients may see a change on a busy machine, without reading the tables again. */
const WITHIN_MS = 4_000;
const DATABASE_BACK_MS = 40_000;
/** Time in which a replica takes over and finishes the work of one that died, on a busy machine. */
const TAKE_OVER_MS = 60_000;

const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
  name: uniqueName('fault'),
  template: 'claude',
  memoryLimit: 128,
  ...extra,
});
const statusOf = (client: SocketClient, id: string) =>
  client.all('status:update').findLast(({ containerId }) => containerId === id)?.status;
const isRemoved = (client: SocketClient, id: string) =>
  client.all('status:removed').some(({ containerId }) => containerId === id);

describe.each(['PostgreSQL', 'Redis'] as const)('replicas whose connection by %s fails', (transport) => {
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

  /** After a loss a replica connects again within seconds, at its own time. */
  const bothListen = () =>
    until('both replicas to listen', async () => (await replicas.postgres.listening()) === 2, RECONNECT_MS);
  const bothReachTheQueue = () =>
    until(
      'both replicas to reach Redis',
      async () => {
        const { a, b } = replicas;
        const states = await Promise.all([a, b].map(({ api }) => api.request('GET', '/health')));
        return states.every(({ status }) => status === 200);
      },
      RECONNECT_MS,
    );
  /** Disconnects both replicas; Redis stays down. @returns a function that makes the connection possible again */
  const disconnect = async (): Promise<() => Promise<void>> => {
    const { postgres, redis } = replicas;
    if (redis === undefined) {
      await bothListen();
      expect(await postgres.terminate('devforge-replicas')).toBe(2);
      return async () => undefined;
    }
    await redis.kill();
    return () => redis.restart();
  };
  const runningOnA = async (): Promise<string> => ok(await replicas.a.api.create(wanted(), { prefer: 'wait=60' })).id;

  it('keep running, show the changes they missed, and connect again', async () => {
    const { a, b } = replicas;
    const client = await b.subscribeStatus();
    const [stopped, removed] = [await runningOnA(), await runningOnA()];
    await until('both', () => [stopped, removed].every((id) => statusOf(client, id) === 'running'), WITHIN_MS);
    const restore = await disconnect();
    ok(await a.api.stop(stopped));
    expect((await a.api.remove(removed)).status).toBe(204);
    await restore();
    await until(
      'what was missed',
      () => statusOf(client, stopped) === 'stopped' && isRemoved(client, removed),
      RECONNECT_MS,
    );
    if (transport === 'PostgreSQL') await bothListen();
    ok(await a.api.start(stopped));
    await until('what is new', () => statusOf(client, stopped) === 'running', WITHIN_MS);
    for (const { devforge } of [a, b]) expect(await Promise.race([devforge.exited, 'runs'])).toBe('runs');
    await a.api.remove(stopped);
  }, 90_000);

  it('survive repeated failures, with one listening connection each', async () => {
    const { a, b, postgres, redis } = replicas;
    for (let round = 0; round < 4; round++) {
      await (
        await disconnect()
      )();
      await (redis === undefined ? bothListen() : bothReachTheQueue());
    }
    const listening = (await postgres.connections()).filter((name) => name === 'devforge-replicas');
    expect(listening).toHaveLength(redis === undefined ? 2 : 0);
    const client = await b.subscribeStatus();
    const id = await runningOnA();
    await until('running', () => statusOf(client, id) === 'running', RECONNECT_MS);
    ok(await a.api.stop(id));
    await until('stopped', () => statusOf(client, id) === 'stopped', WITHIN_MS);
    await a.api.remove(id);
    await until('removed', () => isRemoved(client, id), WITHIN_MS);
  }, 90_000);

  if (transport === 'Redis') {
    it('show changes from the database while Redis is frozen', async () => {
      const { a, b, redis } = replicas;
      const client = await b.subscribeStatus();
      const [stopped, removed] = [await runningOnA(), await runningOnA()];
      redis!.pause();
      try {
        ok(await a.api.stop(stopped));
        await a.api.remove(removed);
        await until('both', () => statusOf(client, stopped) === 'stopped' && isRemoved(client, removed), DETECTION_MS);
      } finally {
        redis!.resume();
      }
      await a.api.remove(stopped);
      await until('the connection', () => isRemoved(client, stopped), WITHIN_MS);
    }, 90_000);
  }

  it('survive a crash of the database', async () => {
    const { a, b, postgres } = replicas;
    const client = await b.subscribeStatus();
    const id = await runningOnA();
    await postgres.crash();
    await until('stopped', async () => (await a.api.stop(id)).status === 200, DATABASE_BACK_MS);
    await until('the status', () => statusOf(client, id) === 'stopped', DETECTION_MS);
    if (transport === 'PostgreSQL') await bothListen();
    await a.api.remove(id);
    await until('removed', () => isRemoved(client, id), WITHIN_MS);
    for (const { devforge } of [a, b]) expect(await Promise.race([devforge.exited, 'runs'])).toBe('runs');
  }, 120_000);

  it('take over the work of one that dies and show its progress', async () => {
    const { a, b } = replicas;
    git.hang(true);
    const accepted = await Promise.all(
      Array.from({ length: 4 }, async () =>
        ok(await a.api.create(wanted({ repoType: 'clone', repoUrl: git.url('https', 'open') }))),
      ),
    );
    const client = await b.subscribeStatus();
    for (const { id } of accepted) await b.api.waitForStatus(id, 'cloning');
    const dying = ok(await a.api.create(wanted()));
    await a.devforge.kill();
    git.hang(false);
    const ids = [...accepted, dying].map(({ id }) => id);
    await until('all run', () => ids.every((id) => statusOf(client, id) === 'running'), TAKE_OVER_MS);
    await a.devforge.restart();
    for (const id of ids) expect((await a.api.remove(id)).status).toBe(204);
    await until('all removed', () => ids.every((id) => isRemoved(client, id)), WITHIN_MS);
  }, 120_000);
});
