import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';

interface Point {
  containerId: string;
  timestamp: string;
}

describe('metrics', () => {
  let server: TestServer;
  const clients: SocketClient[] = [];

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => server?.dispose(), 60_000);

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  const running = async (): Promise<Container> => {
    const response = await server.api.create(
      { name: uniqueName('metrics'), template: 'claude', cpuLimit: 0.5, memoryLimit: 256 },
      { prefer: 'wait=60' },
    );
    expect(response.status).toBe(201);
    return response.body;
  };
  const metricsOf = <Body>(id: string, window?: string) =>
    server.api.request<Body>('GET', `/api/containers/${id}/metrics`, { query: { window } });

  /** Connects a client that receives updates of the container. */
  async function subscribed(
    { id }: Container,
    connectClient = connect,
  ): Promise<{
    client: SocketClient;
    count: () => number;
    errors: () => string[];
    more: (timeoutMs?: number) => Promise<unknown>;
  }> {
    const client = await connectClient();
    await expect(client.ask('subscribe:metrics', { containerId: id, interval: 500 })).resolves.toEqual({ ok: true });
    const count = (): number => client.all('metrics:update').length;
    const errors = (): string[] => client.all('metrics:error').map(({ error }) => error.code);
    const more = (timeoutMs = 5_000): Promise<unknown> => {
      const before = count();
      return until('more updates', () => count() >= before + 2, timeoutMs);
    };
    await more();
    return { client, count, errors, more };
  }

  describe('with a window', () => {
    it('are the recent samples, oldest first, about five seconds apart', async () => {
      const { id } = await running();
      ok(await metricsOf(id));
      const points = await until(
        'three points',
        async () => {
          const answer = ok(await metricsOf<{ containerId: string; points: Point[] }>(id, '15m'));
          expect(answer.containerId).toBe(id);
          return answer.points.length >= 3 && answer.points;
        },
        25_000,
      );
      const times = points.map(({ timestamp }) => Date.parse(timestamp));
      expect(points.every(({ containerId }) => containerId === id)).toBe(true);
      for (const [at, time] of times.slice(1).entries())
        expect(Math.abs(time - times[at]! - 5_000)).toBeLessThan(1_500);
      expect(ok(await metricsOf<{ points: Point[] }>(id, '7s')).points.length).toBeLessThanOrEqual(2);
      ok(await server.api.stop(id));
      expect(ok(await metricsOf<{ points: Point[] }>(id, '15m')).points.length).toBeGreaterThanOrEqual(3);
      expect((await metricsOf(id)).status).toBe(409);
      ok(await server.api.remove(id));
      expect((await metricsOf(id, '15m')).status).toBe(404);
    }, 60_000);

    it.each(['0m', '-1m', '1d', '1e3s', '15', '__proto__'])('are rejected for a window of %s', async (window) => {
      const { id } = ok(await server.api.create({ name: uniqueName('metrics'), template: 'claude' }));
      expect(await metricsOf(id, window)).toMatchObject({ status: 400, body: { code: 'validation_failed' } });
      ok(await server.api.remove(id));
    });
  });

  describe('with a subscription', () => {
    it('continue when the container is restarted outside DevForge', async () => {
      const container = await running();
      const { more } = await subscribed(container);
      await server.engine.docker.getContainer(container.dockerId!).restart({ t: 0 });
      await more(10_000);
      ok(await metricsOf(container.id));
    }, 30_000);

    it('stop with an error when the container is killed, and continue when it is started', async () => {
      const container = await running();
      const { errors, more, count } = await subscribed(container);
      await server.engine.docker.getContainer(container.dockerId!).kill();
      await until('metrics:error', () => errors().includes('invalid_state'), 5_000);
      const before = count();
      // Three intervals without an update.
      await sleep(1_500);
      expect(count()).toBe(before);
      ok(await server.api.start(container.id));
      await more(10_000);
    }, 30_000);

    it('stop with an error when the container is removed outside DevForge, and continue when it is created again', async () => {
      const container = await running();
      const { errors, more } = await subscribed(container);
      await server.engine.docker.getContainer(container.dockerId!).remove({ force: true });
      await until('metrics:error', () => errors().includes('invalid_state'), 5_000);
      await server.api.waitForStatus(container.id, 'missing');
      const again = ok(await server.api.start(container.id));
      expect(again.dockerId).not.toBe(container.dockerId);
      await more(10_000);
    }, 30_000);

    it('end for good when the container is deleted', async () => {
      const container = await running();
      const { client, errors, count } = await subscribed(container);
      ok(await server.api.remove(container.id));
      await until('metrics:error', () => errors().includes('container_not_found'), 5_000);
      const before = count();
      await expect(client.ask('subscribe:metrics', { containerId: container.id })).resolves.toMatchObject({
        ok: false,
        error: { code: 'container_not_found' },
      });
      // Three intervals without an update.
      await sleep(1_500);
      expect(count()).toBe(before);
    }, 30_000);

    it('continue while the container is paused', async () => {
      const container = await running();
      const { errors, more } = await subscribed(container);
      await server.engine.docker.getContainer(container.dockerId!).pause();
      await more();
      await server.engine.docker.getContainer(container.dockerId!).unpause();
      await more();
      expect(errors()).toEqual([]);
    }, 30_000);
  });

  describe('with an invalid request', () => {
    let container: Container;
    let observer: Awaited<ReturnType<typeof subscribed>>;

    beforeAll(async () => {
      container = await running();
      observer = await subscribed(container, () =>
        SocketClient.connect(server.devforge.url, { token: server.devforge.token }),
      );
    }, 60_000);
    afterAll(() => observer?.client.close());

    /** Another client is still served. */
    const expectServed = async (): Promise<void> => {
      const next = await connect();
      await expect(next.ask('subscribe:metrics', { containerId: container.id, interval: 60_000 })).resolves.toEqual({
        ok: true,
      });
    };

    it('answer with an error', async () => {
      const client = await connect();
      const id = container.id;
      const payloads: [unknown, string][] = [
        ...['1000', null, true, -1, 0, 499, 499.9, 500.5, 60_001, 1e308, [500], {}].map(
          (interval): [unknown, string] => [{ containerId: id, interval }, 'validation_failed'],
        ),
        ...[null, 5, true, [id], { id }, 'x'.repeat(129)].map((containerId): [unknown, string] => [
          { containerId },
          'validation_failed',
        ]),
        ...[
          '',
          'nobody',
          '../etc/passwd',
          '__proto__',
          'constructor',
          id.toUpperCase().replaceAll('-', ''),
          '%',
          '\0',
        ].map((containerId): [unknown, string] => [{ containerId }, 'container_not_found']),
        ...['{"__proto__":{"interval":500}}', '{"constructor":{"prototype":{}}}', '{"prototype":1}', '{"more":1}'].map(
          (text): [unknown, string] => [{ containerId: id, ...parsed(text) }, 'validation_failed'],
        ),
        ...[undefined, [], [id], id, 5, false, {}].map((payload): [unknown, string] => [payload, 'validation_failed']),
      ];
      for (const event of ['subscribe:metrics', 'unsubscribe:metrics'] as const) {
        for (const [payload, code] of payloads) {
          const isInterval =
            event === 'unsubscribe:metrics' && typeof payload === 'object' && payload !== null && 'interval' in payload;
          const answer = await client.ask(event, payload);
          expect({ event, payload, answer }).toMatchObject({
            event,
            payload,
            answer: {
              ok: false,
              error: { code: isInterval ? 'validation_failed' : code, message: expect.any(String) },
            },
          });
        }
        // Requests are limited by the second.
        await sleep(1_500);
      }
      for (const event of [
        '__proto__',
        'constructor',
        'toString',
        'hasOwnProperty',
        'subscribe:metrics ',
        '',
        'x'.repeat(10_000),
      ]) {
        await expect(client.ask(event, { containerId: id })).resolves.toMatchObject({
          ok: false,
          error: { code: 'unknown_event' },
        });
      }
      await expectServed();
    }, 60_000);

    it('are rate limited at ten thousand requests at once', async () => {
      const client = await connect();
      const asked = Array.from({ length: 10_000 }, (_, at) =>
        client
          .ask('subscribe:metrics', { containerId: at % 2 === 0 ? container.id : `nobody-${at}`, interval: 500 + at })
          .catch(() => undefined),
      );
      const answers = await Promise.all(asked);
      expect(answers.filter((answer) => answer?.error?.code === 'too_many_requests').length).toBeGreaterThan(5_000);
      await expectServed();
    }, 30_000);

    it.each<[string, 'closed' | 'refused' | 'ignored', (string | Uint8Array)[]]>([
      ['no data', 'ignored', ['2']],
      ['an object for an array', 'closed', ['2{}']],
      ['an empty array', 'closed', ['2[]']],
      ['a number for an event', 'refused', ['27[5,{}]']],
      ['an object for an event', 'closed', ['2[{"toString":1}]']],
      ['a reserved event name', 'closed', ['2["disconnect"]']],
      ['an unclosed array', 'closed', [`2${'['.repeat(100_000)}`]],
      ['deeply nested arrays', 'refused', [`27["subscribe:metrics",${'['.repeat(30_000)}${']'.repeat(30_000)}]`]],
      [
        'deeply nested objects',
        'refused',
        [`27["subscribe:metrics",{"containerId":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}]`],
      ],
      ['an unknown type', 'closed', ['9["subscribe:metrics",{}]']],
      ['another namespace', 'closed', ['2/other,["subscribe:metrics",{}]']],
      ['an unexpected acknowledgement', 'ignored', ['35[1]', '3["x"]']],
      ['an error packet', 'closed', ['4{"message":"x"}']],
      ['a negative id', 'closed', ['2-1["subscribe:metrics",{}]']],
      ['an id that is too large', 'refused', ['2999999999999999999999["subscribe:metrics",{}]']],
      [
        'missing attachments',
        'closed',
        ['51-["subscribe:metrics",{"_placeholder":true,"num":0}]', '2["subscribe:metrics",{}]'],
      ],
      ['too many attachments', 'closed', ['5999999999-["subscribe:metrics",{}]']],
      [
        'an attachment with a wrong number',
        'closed',
        ['51-["subscribe:metrics",{"_placeholder":true,"num":7}]', new Uint8Array([1, 2, 3])],
      ],
      ['binary data', 'closed', [new Uint8Array([0, 255, 3])]],
      ['a message that is too large', 'refused', [`20["subscribe:metrics",{"containerId":"${'x'.repeat(200_000)}"}]`]],
    ])('in a packet with %s: the packet is %s, and other clients are not affected', async (_, outcome, packets) => {
      const bad = await connect();
      const answers: string[] = [];
      const { engine } = bad.socket.io;
      engine.on('data', (answer) => answers.push(String(answer)));
      for (const packet of packets) engine.write(packet as string);
      const hasOutcome = {
        closed: () => !bad.socket.connected,
        refused: () => answers.some((answer) => /^3[^[]*\[\{"ok":false,/.test(answer)),
        ignored: async () => (await bad.ask('unsubscribe:status', {})).ok,
      };
      await until(`the packet to be ${outcome}`, hasOutcome[outcome], 5_000);
      await expectServed();
    });

    it('do not affect a valid subscription', async () => {
      await observer.more();
      expect(observer.errors()).toEqual([]);
      expect(observer.client.socket.connected).toBe(true);
      expect(server.devforge.log()).not.toMatch(/uncaught|unhandled|internal_error/i);
    });
  });
});

/** JSON.parse creates keys such as `__proto__`, which an object literal cannot. */
function parsed(text: string): object {
  const value = JSON.parse(text) as object;
  return Object.defineProperties({}, Object.getOwnPropertyDescriptors(value));
}
