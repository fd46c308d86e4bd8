import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const GOOD_ORIGIN = 'http://portal.example';

describe('the Socket.io API', () => {
  let server: TestServer;
  let container: Container;
  const clients: SocketClient[] = [];

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  /** Runs a script that writes to the output of the container's main process. */
  const write = (script: string) => server.engine.exec(container.dockerId!, ['sh', '-c', script]);

  beforeAll(async () => {
    server = await startTestServer({ CORS_ORIGIN: GOOD_ORIGIN });
    await ensureImages(server, 'claude');
    const response = await server.api.create(
      { name: uniqueName('live'), template: 'claude', cpuLimit: 1, memoryLimit: 512 },
      { prefer: 'wait=60' },
    );
    expect(response.status).toBe(201);
    container = response.body;
  }, IMAGE_BUILD_MS);
  afterEach(() => clients.splice(0).forEach((client) => client.close()));
  afterAll(() => server?.dispose(), 60_000);

  describe('the handshake', () => {
    it.each([
      ['no token', {}],
      ['a wrong token', { token: 'wrong-wrong-wrong-wrong' }],
    ])('is rejected with %s', async (_, options) => {
      await expect(SocketClient.connect(server.devforge.url, options)).rejects.toMatchObject({
        data: { code: 'unauthorized' },
      });
    });

    it('is rejected from a foreign origin even with a token, and accepted from an allowed one', async () => {
      const { url, token } = server.devforge;
      await expect(SocketClient.connect(url, { token, origin: 'http://evil.example' })).rejects.toThrow(
        'websocket error',
      );
      const client = await SocketClient.connect(url, { token, origin: GOOD_ORIGIN });
      clients.push(client);
      expect(client.socket.connected).toBe(true);
    });
  });

  describe('invalid input', () => {
    it.each([
      ['an unknown event', 'subscribe:everything', {}, 'unknown_event'],
      ['an unknown container', 'subscribe:metrics', { containerId: 'nobody' }, 'container_not_found'],
      ['no payload', 'subscribe:logs', undefined, 'validation_failed'],
      ['an array', 'subscribe:status', [1], 'validation_failed'],
      ['a string', 'subscribe:status', 'all', 'validation_failed'],
      ['a prototype key', 'subscribe:status', JSON.parse('{"__proto__":{"admin":true}}'), 'validation_failed'],
      ['an unknown property', 'subscribe:status', { everything: true }, 'validation_failed'],
      ['a number for an id', 'subscribe:metrics', { containerId: 5 }, 'validation_failed'],
      ['an interval that is too short', 'subscribe:metrics', { containerId: 'x', interval: 499 }, 'validation_failed'],
      [
        'an interval that is too long',
        'subscribe:metrics',
        { containerId: 'x', interval: 60_001 },
        'validation_failed',
      ],
      ['a tail that is too large', 'subscribe:logs', { containerId: 'x', tail: 1e9 }, 'validation_failed'],
      ['too long a text', 'subscribe:metrics', { containerId: 'x'.repeat(200_000) }, 'payload_too_large'],
    ])('with %s is answered with an error', async (_, event, payload, code) => {
      const client = await connect();
      await expect(client.ask(event, payload)).resolves.toMatchObject({
        ok: false,
        error: { code, message: expect.any(String) },
      });
      await expect(client.ask('unsubscribe:status', {})).resolves.toEqual({ ok: true });
    });

    it('is rate limited at ten thousand messages at once, and the next client is served', async () => {
      const client = await connect();
      const answers = await Promise.all(
        Array.from({ length: 10_000 }, () =>
          client.ask('subscribe:status', { containerId: container.id }).catch(() => undefined),
        ),
      );
      expect(answers.some((answer) => answer?.error?.code === 'too_many_requests')).toBe(true);
      const next = await connect();
      await expect(next.ask('subscribe:status', {})).resolves.toEqual({ ok: true });
    });

    it('of 200 kB closes the connection of a client that has not authenticated', async () => {
      const stranger = new WebSocket(
        `${server.devforge.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`,
      );
      const closed = new Promise<number>((resolve) => stranger.addEventListener('close', ({ code }) => resolve(code)));
      await new Promise((resolve) => stranger.addEventListener('open', resolve));
      stranger.send(`40${JSON.stringify({ token: 'x'.repeat(200_000) })}`);
      await expect(closed).resolves.toBe(1009);
    });

    it('in the form of a malformed packet closes that socket only', async () => {
      const [bad, good] = [await connect(), await connect()];
      bad.socket.io.engine.write('2["subscribe:status"');
      await until('the socket to be closed', () => !bad.socket.connected);
      await expect(good.ask('subscribe:status', {})).resolves.toEqual({ ok: true });
    });
  });

  describe('status updates', () => {
    it('follow a container from creation to removal, for subscribers of it and of all containers', async () => {
      const [all, one] = [await connect(), await connect()];
      await all.ask('subscribe:status', {});
      await one.ask('subscribe:status', { containerId: container.id });
      const { body } = await server.api.create({ name: uniqueName('status'), template: 'claude' });
      await server.api.waitForStatus(body.id, ['running']);
      await server.api.remove(body.id);
      const mine = () => all.all('status:update').filter(({ containerId }) => containerId === body.id);
      await until('status:removed', () => all.all('status:removed').some(({ containerId }) => containerId === body.id));
      const statuses = mine()
        .map(({ status }) => status)
        .filter((status, at, list) => status !== list[at - 1]);
      expect(statuses).toEqual(expect.arrayContaining(['creating', 'starting', 'running', 'deleting']));
      expect(mine().find(({ status }) => status === 'running')).toMatchObject({
        statusReason: null,
        job: { name: 'create', state: 'completed', progress: 100 },
        at: expect.any(String),
      });
      expect(one.all('status:update').filter(({ containerId }) => containerId === body.id)).toEqual([]);
    });

    it('show within seconds what happened outside DevForge', async () => {
      const client = await connect();
      await client.ask('subscribe:status', { containerId: container.id });
      await server.engine.docker.getContainer(container.dockerId!).kill();
      const stopped = await until(
        'stopped',
        () => client.all('status:update').find(({ status }) => status === 'stopped'),
        3_000,
      );
      expect(stopped.statusReason).toMatchObject({ code: 'exited' });
      ok(await server.api.start(container.id));
    });
  });

  describe('logs', () => {
    it('start with the tail and continue without gap or repetition, through a restart', async () => {
      await write('for i in 1 2 3 4 5; do echo before $i > /proc/1/fd/1; done; sleep 0.1; echo wrong > /proc/1/fd/2');
      const client = await connect();
      await until(
        'the lines at the engine',
        async () =>
          ok(
            await server.api.request<{ lines: { source?: string }[] }>('GET', `/api/containers/${container.id}/logs`),
          ).lines.filter(({ source }) => source === undefined).length >= 6,
      );
      await expect(client.ask('subscribe:logs', { containerId: container.id, tail: 4 })).resolves.toEqual({ ok: true });
      const initial = await until('logs:initial', () => client.all('logs:initial')[0]);
      expect(initial.lines.map(({ stream, message }) => `${stream} ${message}`)).toEqual([
        'stdout before 3',
        'stdout before 4',
        'stdout before 5',
        'stderr wrong',
      ]);

      await write('for i in $(seq 1 500); do echo line $i; done > /proc/1/fd/1');
      const lines = () =>
        client
          .all('logs:update')
          .flatMap((update) => update.lines.filter(({ source }) => source === undefined))
          .map(({ message }) => message);
      await until('500 lines', () => lines().length >= 500);
      ok(await server.api.stop(container.id));
      await until('logs:end', () => client.all('logs:end')[0]);
      ok(await server.api.start(container.id));
      await write('for i in $(seq 501 600); do echo line $i; done > /proc/1/fd/1');
      await until('600 lines', () => lines().length >= 600);
      expect(lines()).toEqual(Array.from({ length: 600 }, (_, at) => `line ${at + 1}`));
      expect(client.all('logs:initial')).toHaveLength(1);
      expect(client.all('logs:dropped')).toEqual([]);
    }, 60_000);

    // The engine's json-file log stores entries of 16 KiB and replaces a character that it cuts, so the long line is ASCII.
    it('keep the streams apart, join long lines and split no character', async () => {
      const client = await connect();
      await client.ask('subscribe:logs', { containerId: container.id, tail: 0, stream: 'stderr' });
      await until('logs:initial', () => client.all('logs:initial')[0]);
      await write(
        `echo unseen > /proc/1/fd/1; node -e 'process.stdout.write("0123456789".repeat(30000) + "\\n" + "é€🚀".repeat(1000) + "\\n")' > /proc/1/fd/2`,
      );
      const lines = () => client.all('logs:update').flatMap((update) => update.lines);
      await until('both lines', () => lines().length >= 2);
      const [long, wide] = lines();
      expect(long).toMatchObject({
        stream: 'stderr',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
      });
      expect(long!.message === '0123456789'.repeat(30_000)).toBe(true);
      expect(wide!.message === 'é€🚀'.repeat(1_000)).toBe(true);
    });

    it('are limited over REST, and are followed as NDJSON', async () => {
      await write('echo first > /proc/1/fd/1; sleep 0.1; echo second > /proc/1/fd/2');
      const path = `/api/containers/${container.id}/logs`;
      const tail = async (query: Record<string, string>) =>
        ok(await server.api.request<{ lines: { message: string; timestamp?: string }[] }>('GET', path, { query }))
          .lines;
      await until(
        'both lines',
        async () => (await tail({ tail: '2' })).map(({ message }) => message).join() === 'first,second',
      );
      expect((await tail({ tail: '1', stream: 'stdout' })).map(({ message }) => message)).toEqual(['first']);
      expect((await tail({ tail: '1', timestamps: 'false' }))[0]).not.toHaveProperty('timestamp');
      const refused = await server.api.request('GET', path, { query: { tail: '-1' } });
      expect(refused.status).toBe(400);

      const disconnect = new AbortController();
      const response = await fetch(`${server.devforge.url}${path}?follow=true&tail=1`, {
        headers: { authorization: `Bearer ${server.devforge.token}` },
        signal: disconnect.signal,
      });
      expect(response.headers.get('content-type')).toContain('application/x-ndjson');
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let text = (await reader.read()).value ?? '';
      await write('echo third > /proc/1/fd/1');
      while (!text.includes('third')) text += (await reader.read()).value ?? '';
      disconnect.abort();
      expect(
        text
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { message: string }).message),
      ).toEqual(['second', 'third']);
    });
  });

  describe('metrics', () => {
    const metricsOf = async () =>
      ok(
        await server.api.request<{
          cpu: { percent: number };
          memory: { usedMB: number; limitMB: number };
          pids: number;
        }>('GET', `/api/containers/${container.id}/metrics`),
      );

    it('are pushed at the requested interval and match the statistics of the engine', async () => {
      const client = await connect();
      await client.ask('subscribe:metrics', { containerId: container.id, interval: 500 });
      const load = write(
        'node -e "const b=Buffer.alloc(150e6,1);const t=Date.now();while(Date.now()-t<6000);b.length"',
      );
      await until('eight updates', () => client.all('metrics:update').length >= 8, 10_000);
      const stats = (await server.engine.docker.getContainer(container.dockerId!).stats({ stream: false })) as {
        memory_stats: { usage: number; stats: Record<string, number> };
      };
      const { metrics } = client.all('metrics:update').at(-1)!;
      await load;
      const reclaimable =
        stats.memory_stats.stats['total_inactive_file'] ?? stats.memory_stats.stats['inactive_file'] ?? 0;
      const usedMB = (stats.memory_stats.usage - reclaimable) / 1024 / 1024;
      expect(Math.abs(metrics.memory.usedMB - usedMB) / usedMB).toBeLessThan(0.05);
      expect(metrics.cpu).toMatchObject({ limitPercent: 100 });
      expect(Math.max(...client.all('metrics:update').map((update) => update.metrics.cpu.percent))).toBeGreaterThan(20);
      expect(metrics.agent).toMatchObject({ active: false, state: 'none' });
      const times = client.all('metrics:update').map((update) => Date.parse(update.metrics.timestamp));
      expect((times.at(-1)! - times[0]!) / (times.length - 1)).toBeLessThan(900);
    }, 30_000);

    it('are included in the list of containers on request', async () => {
      await metricsOf();
      const { items } = ok(await server.api.list({ includeMetrics: 'true' }));
      expect(items.find(({ id }) => id === container.id)).toMatchObject({
        metrics: { containerId: container.id, memory: { limitMB: 512 } },
      });
    });

    it('stop with an error when the container stops, are rejected over REST then, and continue when it runs', async () => {
      const client = await connect();
      await client.ask('subscribe:metrics', { containerId: container.id, interval: 500 });
      await until('an update', () => client.all('metrics:update')[0]);
      ok(await server.api.stop(container.id));
      await until('metrics:error', () => client.all('metrics:error')[0]);
      const refused = await server.api.request('GET', `/api/containers/${container.id}/metrics`);
      expect(refused.status).toBe(409);
      const before = client.all('metrics:update').length;
      ok(await server.api.start(container.id));
      await until('updates again', () => client.all('metrics:update').length > before, 5_000);
    }, 30_000);
  });
});
