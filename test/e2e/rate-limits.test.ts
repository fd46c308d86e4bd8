import { afterEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, ok, problem } from '../support/api/client.js';
import type { CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { creates } from '../support/engine-proxy/matchers.js';
import { type SecondServer, startSecondServer } from '../support/faults/second-server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const small = (): CreateContainer => ({
  name: uniqueName('limit'),
  template: 'claude',
  cpuLimit: 0.5,
  memoryLimit: 256,
});
/** 60 a minute, of which 10 may come at once. */
const SIXTY = '60';

describe('the limits of a principal', () => {
  let server: TestServer;
  const undo: (() => Promise<unknown> | void)[] = [];
  const start = async (env: Record<string, string>): Promise<void> => {
    server = await startTestServer(env);
    undo.push(() => server.dispose());
  };
  /** A principal beside the administrator. */
  const anotherKey = async (): Promise<string> => {
    const created = await server.api.request<{ key: string }>('POST', '/api/api-keys', {
      body: { name: uniqueName('key'), role: 'member' },
    });
    return ok(created).key;
  };
  const anotherPrincipal = async (): Promise<ApiClient> => new ApiClient(server.devforge.url, await anotherKey());
  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    undo.push(() => client.close());
    return client;
  };

  afterEach(async () => {
    for (const each of undo.splice(0).toReversed()) await each();
  });

  it('refuse requests beyond them with the time to wait, and no other principal', async () => {
    await start({ RATE_LIMIT_REQUESTS: SIXTY });
    const other = await anotherPrincipal();
    const first = await server.api.list();
    expect(first.status).toBe(200);
    expect(Number(first.headers.get('ratelimit-limit'))).toBe(10);
    expect(Number(first.headers.get('ratelimit-remaining'))).toBe(8);
    expect(Number(first.headers.get('ratelimit-reset'))).toBe(2);
    const answers = await Promise.all(Array.from({ length: 20 }, () => server.api.list()));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(10);
    for (const answer of refused) {
      expect(problem(answer)).toMatchObject({ code: 'rate_limited' });
      expect(Number(answer.headers.get('retry-after'))).toBe(1);
    }
    expect((await other.list()).status).toBe(200);
    // Probes and strangers are not counted.
    expect((await fetch(`${server.devforge.url}/health/ready`)).status).toBe(200);
    expect((await new ApiClient(server.devforge.url, 'wrong').list()).status).toBe(401);
    await sleep(2_000);
    expect((await server.api.list()).status).toBe(200);
  });

  it('let the request of one be answered before those that another one sent in great number', async () => {
    await start({});
    const other = await anotherKey();
    const agent = new Agent({ keepAlive: true });
    undo.push(() => agent.destroy());
    const answered: string[] = [];
    const send = (token: string, name: string): { sent: Promise<unknown>; answer: Promise<void> } => {
      const headers = { authorization: `Bearer ${token}` };
      const request = get(`${server.devforge.url}/api/containers`, { headers, agent });
      const answer = once(request, 'response').then(([response]: IncomingMessage[]) => {
        answered.push(response!.statusCode === 200 ? name : `status ${response!.statusCode}`);
        return once(response!.resume(), 'end').then(() => undefined);
      });
      return { sent: once(request, 'finish'), answer };
    };
    const sendAll = async (): Promise<Promise<void>[]> => {
      const many = Array.from({ length: 80 }, () => send(server.devforge.token, 'one of many'));
      await Promise.all(many.map(({ sent }) => sent));
      const one = send(other, 'the one');
      await one.sent;
      return [...many, one].map(({ answer }) => answer);
    };
    // The connections are open, and requests of both were seen.
    await Promise.all(await sendAll());
    answered.length = 0;
    // All requests are there when the server goes on: how fast a busy client sends them says nothing of it.
    server.devforge.freeze(true);
    const answers = await sendAll();
    server.devforge.freeze(false);
    await Promise.all(answers);
    expect(answered).toHaveLength(81);
    expect(new Set(answered)).toEqual(new Set(['one of many', 'the one']));
    expect(answered.indexOf('the one')).toBeLessThan(40);
  });

  it('are shared by the processes', async () => {
    await start({ RATE_LIMIT_REQUESTS: SIXTY });
    const second: SecondServer = await startSecondServer(server);
    undo.push(() => second.dispose());
    undo.push(() => second.end());
    const [here, there] = [await server.api.list(), await second.api.list()];
    expect([here.status, there.status]).toEqual([200, 200]);
    // Both have told each other of the principal once.
    await sleep(2_500);
    await Promise.all(Array.from({ length: 20 }, () => server.api.list()));
    const remaining = await until('the count of the other process', async () => {
      const { status, headers } = await second.api.list();
      return status === 429 ? 0 : Number(headers.get('ratelimit-remaining')) < 4 && headers.get('ratelimit-remaining');
    });
    expect(Number(remaining)).toBeLessThan(4);
  });

  it(
    'count the containers that are made, without asking the engine',
    async () => {
      const proxy = await EngineProxy.start();
      undo.push(() => proxy.close());
      await start({ ...proxy.env, RATE_LIMIT_CREATES: '3', MAX_QUEUED: '100' });
      const other = await anotherPrincipal();
      await ensureImages(server, 'claude');
      const asked = (): number => proxy.requests.filter(creates('workspace')).length;
      const before = asked();
      // All at once: the limit gives one back every 20 s, and a busy machine takes that long over a container.
      const answers = await Promise.all(Array.from({ length: 5 }, () => server.api.create(small())));
      const refused = answers.filter(({ status }) => status === 429);
      // One was taken by the images, unless they took long.
      expect([2, 3]).toContain(refused.length);
      for (const each of refused) {
        expect(problem(each)).toMatchObject({ status: 429, code: 'rate_limited' });
        expect(Number(each.headers.get('retry-after'))).toBeGreaterThan(5);
      }
      const made = answers.length - refused.length;
      expect(ok(await server.api.list()).items).toHaveLength(made);
      await until('the containers', async () => asked() === before + made, 60_000);
      const { id } = ok(await other.create(small()));
      server.api.accepted.add(id);
    },
    IMAGE_BUILD_MS,
  );

  it(
    'count the containers that are being made at a time',
    async () => {
      const proxy = await EngineProxy.start();
      undo.push(() => proxy.close());
      await start({ ...proxy.env, MAX_QUEUED: '1' });
      await ensureImages(server, 'claude');
      const hold = proxy.hold(creates('workspace'), 'before');
      const [body, key] = [small(), { 'idempotency-key': 'one' }];
      const { id } = ok(await server.api.create(body, key));
      // Whatever else is wrong with the request.
      for (const refused of [small(), { ...small(), name: '!' }, { ...small(), projectId: randomUUID() }])
        expect(problem(await server.api.create(refused))).toMatchObject({ status: 429, code: 'rate_limited' });
      expect(ok(await server.api.create(body, key)).id).toBe(id);
      hold.release();
      await server.api.waitForStatus(id, 'running');
      ok(await server.api.create(small()));
    },
    IMAGE_BUILD_MS,
  );

  it('count sockets, their subscriptions and their messages together', async () => {
    await start({ MAX_SOCKETS: '2', MAX_SUBSCRIPTIONS: '1', RATE_LIMIT_MESSAGES: '600' });
    const [first, second] = [await connect(), await connect()];
    await expect(connect()).rejects.toMatchObject({ data: { code: 'too_many_connections' } });
    const other = await anotherPrincipal();
    expect((await other.list()).status).toBe(200);

    expect(await first.ask('subscribe:status', {})).toMatchObject({ ok: true });
    expect(await second.ask('subscribe:status', {})).toMatchObject({ error: { code: 'too_many_subscriptions' } });
    first.close();
    await until('room for another', async () => (await second.ask('subscribe:status', {})).ok);

    const third = await connect();
    // 100 may come at once, and 10 more in each second.
    const ask = (at: number) => (at % 2 === 0 ? second : third).ask('unsubscribe:metrics', { containerId: 'x' });
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => ask(at)));
    expect(answers.at(-1)).toMatchObject({ ok: false, error: { code: 'too_many_requests' } });
  });
});
