/** What is Docker's alone: engines that answer badly, and two processes at one engine. */
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineClient, EngineEvent } from '../../src/drivers/docker/engine/engine-client.js';
import { toCreateOptions } from '../../src/drivers/docker/engine/container-profile.js';
import { refuseUnsuitableEngine } from '../../src/drivers/refuse-engine.js';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { BASE_IMAGE, dockerEngine, engine, idleSpec } from './docker-engine-harness.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

describe('the Docker engine client, with an engine that misbehaves,', () => {
  let folder: string;
  let server: Server;
  let runtime: EngineClient;
  let answer: Answer;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-engine-'));
    const socketPath = join(folder, 'docker.sock');
    server = createServer((request, response) => answer(request, response));
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    runtime = dockerEngine({ kind: 'socket', socketPath });
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  const refusing =
    (status: number, message: string): Answer =>
    (_, response) => {
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message }));
    };

  it('rejects a ping long before other calls when the engine accepts and sends nothing', async () => {
    answer = () => undefined;
    const begun = Date.now();
    await expect(runtime.system.ping()).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
    expect(Date.now() - begun).toBeLessThan(5_000);
  });

  it('rejects every read with unavailable when a response is missing, stalls or is cut off', async () => {
    answer = ({ url = '' }, response) => {
      if (url.startsWith('/containers/json'))
        response.writeHead(200, { 'Content-Type': 'application/json' }).write('[{"Id"');
      if (!url.startsWith('/volumes')) return;
      response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"Volumes":[{"Name":"one","Labels":{}}');
      setImmediate(() => response.destroy());
    };
    const begun = Date.now();
    const calls = [
      runtime.system.info(),
      runtime.system.watch(
        () => undefined,
        new AbortController().signal,
        () => undefined,
      ),
      runtime.containers.inspect('x'),
      runtime.containers.list(LABEL_ID),
      runtime.containers.exec('x', { argv: ['true'], timeoutMs: 60_000 }),
      runtime.images.exists('x'),
      runtime.volumes.list(LABEL_ID),
      runtime.volumes.exists('x'),
    ];
    const outcomes = await Promise.allSettled(calls);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason.code : 'answered'))).toEqual(
      calls.map(() => 'unavailable'),
    );
    expect(Date.now() - begun).toBeLessThan(12_000);
  });

  it.each([
    [500, 'something broke', 'failed'],
    [503, 'starting', 'unavailable'],
    [400, 'bad parameter', 'invalid'],
    [403, 'not allowed', 'invalid'],
    [409, 'in use', 'conflict'],
    [500, 'write /var/lib/docker/x: no space left on device', 'out_of_disk'],
    [500, 'mkdir /var/lib/docker/x: disk quota exceeded', 'out_of_disk'],
  ])('maps status %i "%s" to %s, and never to absence', async (status, message, code) => {
    answer = refusing(status, message);
    await expect(runtime.containers.inspect('x')).rejects.toMatchObject({
      name: 'DriverError',
      code,
      message: expect.stringContaining(message),
    });
    await expect(runtime.containers.list(LABEL_ID)).rejects.toMatchObject({ code });
    await expect(runtime.volumes.exists('x')).rejects.toMatchObject({ code });
    await expect(runtime.images.exists('x')).rejects.toMatchObject({ code });
  });

  it('rejects a ping when the engine reports that it is unhealthy', async () => {
    answer = refusing(500, 'broken');
    await expect(runtime.system.ping()).rejects.toMatchObject({
      name: 'DriverError',
      code: 'unavailable',
      message: expect.stringContaining('broken'),
    });
  });

  it('is refused at start, and never healthy, when it is too old', async () => {
    answer = ({ url = '' }, response) => {
      const info = { NCPU: 2, MemTotal: 2 ** 30, OSType: 'linux', Plugins: { Log: ['local'] } };
      const body = url.startsWith('/version') ? { Version: '19.03.15', ApiVersion: '1.40' } : info;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    };
    const docker = { kind: 'socket', socketPath: join(folder, 'docker.sock') } as const;
    const reason = 'The container engine cannot be used: Docker 19.03.15 is too old';
    await expect(refuseUnsuitableEngine({ docker })).rejects.toThrow(reason);
    await expect(runtime.system.ping()).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(reason),
    });
  });

  it('does not stop the start when it is away, or does not answer', async () => {
    answer = () => undefined;
    for (const name of ['docker.sock', 'absent.sock'])
      await expect(
        refuseUnsuitableEngine({ docker: { kind: 'socket', socketPath: join(folder, name) } }),
      ).resolves.toBeUndefined();
  });

  it('names the remedy when the socket is not there', async () => {
    const absent = dockerEngine({ kind: 'socket', socketPath: join(folder, 'absent.sock') });
    await expect(absent.system.ping()).rejects.toMatchObject({
      message: expect.stringContaining('is the container engine running?'),
    });
  });

  it.each([
    ['breaks', (response: ServerResponse) => void response.destroy()],
    ['talks nonsense', (response: ServerResponse) => void response.write('<html>\n')],
  ])('ends the events with an error when their stream %s', async (_name, spoil) => {
    const event = {
      Type: 'container',
      Action: 'start',
      Actor: { ID: 'abc', Attributes: { [LABEL_ID]: 'x' } },
      timeNano: 1.7e18,
    };
    answer = (_, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).write(`${JSON.stringify(event)}\n`);
      setTimeout(() => spoil(response), 50);
    };
    const events: EngineEvent[] = [];
    const watching = runtime.system.watch(
      (each) => events.push(each),
      new AbortController().signal,
      () => undefined,
    );
    await expect(watching).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
    expect(events).toEqual([{ action: 'start', dockerId: 'abc', labels: { [LABEL_ID]: 'x' }, at: new Date(1.7e12) }]);
  });

  it('resolves when the stream of events ends without an error', async () => {
    answer = (_, response) => void response.writeHead(200).end();
    await expect(
      runtime.system.watch(
        () => undefined,
        new AbortController().signal,
        () => undefined,
      ),
    ).resolves.toBeUndefined();
  });
});

describe('processes that share one engine', () => {
  const ids: string[] = [];
  const networks: string[] = [];

  afterAll(async () => {
    for (const id of ids) await dockerEngine().containers.remove(`devforge-${id}`);
    for (const network of networks) await dockerEngine().networks.remove(network);
  });

  it('end up with one network, on which containers start', async () => {
    const network = `devforge-contract-${randomUUID().slice(0, 8)}`;
    networks.push(network);
    const labels = { [LABEL_ID]: randomUUID() };
    const processes = [dockerEngine(), dockerEngine(), dockerEngine()];
    await Promise.all(processes.map((runtime) => runtime.networks.ensureIsolatedBridge(network, labels)));
    const [first] = processes;
    await first!.networks.ensureIsolatedBridge(network, labels);
    const found = await engine().listNetworks({ filters: { name: [network] } });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      Driver: 'bridge',
      Internal: false,
      Labels: labels,
      Options: { 'com.docker.network.bridge.enable_icc': 'false' },
    });
    const { id, ...spec } = idleSpec({ image: BASE_IMAGE });
    ids.push(id);
    const { dockerId } = await first!.containers.create({ ...spec, network });
    await expect(first!.containers.start(dockerId)).resolves.toBeUndefined();
  });

  it('do not take over a network that DevForge did not create', async () => {
    const network = `devforge-contract-${randomUUID().slice(0, 8)}`;
    networks.push(network);
    await engine().createNetwork({ Name: network, Driver: 'bridge' });
    await expect(dockerEngine().networks.ensureIsolatedBridge(network, { [LABEL_ID]: 'x' })).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});

describe('a container with the json-file log driver', () => {
  const spec = idleSpec({ image: BASE_IMAGE });

  afterAll(() => dockerEngine().containers.remove(spec.name));

  it('has readable logs', async () => {
    const { HostConfig, ...options } = toCreateOptions(spec, await dockerEngine().system.info());
    const script = `head -c 100000 /dev/zero | tr '\\0' x; echo; echo short; exec sleep infinity`;
    const container = await engine().createContainer({
      ...options,
      Entrypoint: ['sh', '-c', script],
      HostConfig: { ...HostConfig, LogConfig: { Type: 'json-file', Config: {} } },
    });
    await container.start();
    const lines: string[] = [];
    for await (const batch of dockerEngine().containers.logs(container.id, {
      follow: true,
      stdout: true,
      stderr: true,
      signal: AbortSignal.timeout(10_000),
    })) {
      lines.push(...batch.map(({ message }) => message));
      if (lines.length === 2) break;
    }
    expect(lines.map((line) => [line.length, line.at(0)])).toEqual([
      [100_000, 'x'],
      [5, 's'],
    ]);
  });
});
