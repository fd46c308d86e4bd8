import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { small } from '../support/faults/fault-server.js';
import { followsLogs } from '../support/engine-proxy/matchers.js';
import { expectRemovable } from '../support/faults/traces.js';
import { SocketClient } from '../support/sockets/socket-client.js';

/** Time in which streams continue after an outage of the engine. */
const RESUME_MS = 10_000;
/** Time in which an idle stream notices that its connection is dead. */
const DEAD_CONNECTION_MS = 12_000;

describe('followed logs lose no line when', () => {
  let engine: EngineProxy;
  let server: TestServer;
  let container: Container;
  let client: SocketClient;
  let next: number;

  beforeAll(async () => {
    engine = await EngineProxy.start();
    server = await startTestServer(engine.env);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await engine?.close();
  }, 60_000);

  const subscribe = async (): Promise<void> => {
    const response = await server.api.create(small(), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    container = response.body;
    client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    await expect(client.ask('subscribe:logs', { containerId: container.id, tail: 0 })).resolves.toEqual({ ok: true });
    await until('logs:initial', () => client.all('logs:initial')[0]);
    next = 1;
  };
  afterEach(async () => {
    engine.reset();
    await engine.set('pass');
    client?.close();
    if (container !== undefined) await expectRemovable(server, container.id);
  }, 60_000);

  /** Writes numbered lines to the output of the container, without DevForge. */
  const write = async (count: number, pauseSeconds = 0): Promise<void> => {
    const [first, last] = [next, next + count - 1];
    next = last + 1;
    const script =
      pauseSeconds === 0
        ? `exec seq ${first} ${last} > /proc/1/fd/1`
        : `for at in $(seq ${first} ${last}); do echo $at > /proc/1/fd/1; sleep ${pauseSeconds}; done`;
    await expect(server.engine.exec(container.dockerId!, ['sh', '-c', script])).resolves.toMatchObject({ exitCode: 0 });
  };
  const seen = (): number[] =>
    client
      .all('logs:update')
      .flatMap(({ lines }) => lines.filter(({ source }) => source === undefined).map(({ message }) => Number(message)));
  const arrive = async (timeoutMs = RESUME_MS): Promise<void> => {
    await until(`line ${next - 1}`, () => seen().at(-1) === next - 1, timeoutMs);
    expect(seen()).toEqual(Array.from({ length: next - 1 }, (_, at) => at + 1));
    expect(client.all('logs:dropped')).toEqual([]);
  };

  it('their connection to the engine is cut repeatedly', async () => {
    await subscribe();
    const writing = write(400, 0.01);
    for (let at = 0; at < 4; at++) {
      const { length } = seen();
      await until('lines after the last cut', () => seen().length > length);
      await until('a stream to cut', () => engine.cut(followsLogs) > 0);
    }
    await writing;
    await arrive();
    expect(client.all('logs:error')).toEqual([]);
  }, 60_000);

  it.each(['refuse', 'fail'] as const)(
    'the engine is unavailable for a while (%s)',
    async (mode) => {
      await subscribe();
      await write(100);
      await arrive();
      await engine.set(mode);
      await write(8_000);
      // The outage itself: the stream is opened again and again in vain.
      await sleep(4_000);
      await engine.set('pass');
      await arrive();
      await write(100);
      await arrive();
    },
    60_000,
  );

  it('the engine hangs for a while', async () => {
    await subscribe();
    await write(100);
    await arrive();
    await engine.set('hang');
    await write(200);
    // The outage itself, which is longer than a stream may be silent.
    await sleep(8_000);
    await engine.set('pass');
    await arrive();
  }, 60_000);

  it('their connection dies silently while lines are written', async () => {
    await subscribe();
    const writing = write(200, 0.01);
    await until('the first lines', () => seen().length > 0);
    expect(engine.stall(followsLogs)).toBe(1);
    await writing;
    await arrive(DEAD_CONNECTION_MS);
  }, 60_000);

  it('their connection dies silently while nothing is written', async () => {
    await subscribe();
    await write(10);
    await arrive();
    // The stream is idle when its connection dies.
    await sleep(1_500);
    expect(engine.stall(followsLogs)).toBe(1);
    await write(10);
    await arrive(DEAD_CONNECTION_MS);
  }, 60_000);

  it('their connection is cut in the middle of a long line', async () => {
    await subscribe();
    const half = 'process.stdout.write("7".repeat(100_000))';
    const script = `${half}; setTimeout(() => ${half}, 3_000); setTimeout(() => console.log(), 6_000)`;
    const writing = server.engine.exec(container.dockerId!, ['sh', '-c', `exec node -e '${script}' > /proc/1/fd/1`]);
    // The first half is on its way, and the second one not written. Half a line shows nowhere.
    await sleep(1_500);
    await until('a stream to cut', () => engine.cut(followsLogs) > 0);
    await expect(writing).resolves.toMatchObject({ exitCode: 0 });
    const line = await until('the line', () => client.all('logs:update').flatMap(({ lines }) => lines)[0]);
    expect([line.message.length, new Set(line.message)]).toEqual([200_000, new Set('7')]);
  }, 60_000);

  it('the engine restarts together with the container', async () => {
    await subscribe();
    await write(100);
    await engine.set('refuse');
    await server.engine.docker.getContainer(container.dockerId!).kill();
    // The outage itself.
    await sleep(2_000);
    await engine.set('pass');
    const back = Date.now();
    await until('it is started again', async () => (await server.engine.inspect(container.dockerId!)).State.Running);
    await write(100);
    await arrive(RESUME_MS - (Date.now() - back));
    expect(client.all('logs:end').map(({ reason }) => reason)).toEqual(['stopped']);
  }, 60_000);

  it('the container is restarted and its last line has no line break', async () => {
    await subscribe();
    for (let run = 0; run < 3; run++) {
      await write(500);
      await server.engine.exec(container.dockerId!, ['sh', '-c', `printf ${next++} > /proc/1/fd/1`]);
      ok(await server.api.stop(container.id));
      await arrive();
      ok(await server.api.start(container.id));
    }
    await write(500);
    await arrive();
    expect(client.all('logs:end')).toHaveLength(3);
    expect(client.all('logs:initial')).toHaveLength(1);
  }, 90_000);

  it('the container is removed outside DevForge and created again', async () => {
    await subscribe();
    await write(10);
    await arrive();
    await server.engine.docker.getContainer(container.dockerId!).remove({ force: true });
    await until('an end or an error', () => client.all('logs:error')[0] ?? client.all('logs:end')[0]);
    await server.api.waitForStatus(container.id, 'missing');
    container = ok(await server.api.start(container.id));
    await server.api.waitForStatus(container.id, 'running');
    await write(10);
    await arrive();
  }, 60_000);

  it('the container is removed, which ends them', async () => {
    await subscribe();
    await write(10);
    await arrive();
    ok(await server.api.remove(container.id));
    await until('logs:end', () => client.all('logs:end').find(({ reason }) => reason === 'removed'));
    await expect(client.ask('subscribe:logs', { containerId: container.id })).resolves.toMatchObject({
      ok: false,
      error: { code: 'container_not_found' },
    });
    container = undefined as unknown as Container;
  }, 60_000);
});
