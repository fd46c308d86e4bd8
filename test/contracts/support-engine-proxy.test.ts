import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/e2e/until.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { creates, followsEvents, starts } from '../support/engine-proxy/matchers.js';

const CREATE = { Labels: { 'devforge.role': 'workspace' } };
const lists = ({ path }: { path: string }) => path === '/containers/json';
/** No answer within this time counts as none. */
const SILENCE_MS = 200;

describe('the engine proxy of the tests', () => {
  let folder: string;
  let engine: Server;
  let proxy: EngineProxy;
  /** What arrived at the engine, with the bodies. */
  let arrived: string[];
  /** Open event streams at the engine. */
  let streams: ServerResponse[];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devforge-fake-engine-'));
    engine = createServer((incoming, outgoing) => void serve(incoming, outgoing));
    engine.on('upgrade', (_incoming, socket: Socket) => {
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      socket.pipe(socket);
    });
    engine.listen(join(folder, 'docker.sock'));
    await once(engine, 'listening');
  });
  beforeEach(async () => {
    arrived = [];
    streams = [];
    proxy = await EngineProxy.start(join(folder, 'docker.sock'));
  });
  afterEach(() => proxy.close());
  afterAll(async () => {
    engine.closeAllConnections();
    engine.close();
    await rm(folder, { recursive: true });
  });

  async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    arrived.push(`${incoming.method} ${incoming.url} ${await text(incoming)}`.trim());
    if (incoming.url === '/v1.44/events') {
      streams.push(outgoing);
      outgoing.write('first\n');
    } else if (incoming.url === '/v1.44/containers/json') outgoing.end('[1,2,3,4]');
    else if (incoming.url === '/v1.44/volumes') outgoing.end('{"Volumes":[1,2]}');
    else outgoing.end('"done"');
  }

  const open = async (method: string, path: string, body?: unknown): Promise<IncomingMessage> => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const asked = request({
      socketPath: proxy.socketPath,
      method,
      path: `/v1.44${path}`,
      headers,
      agent: false,
      signal: AbortSignal.timeout(10_000),
    });
    asked.end(body === undefined ? undefined : JSON.stringify(body));
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    return response;
  };
  const ask = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await open(method, path, body);
    const answer: unknown = JSON.parse(await text(response));
    return response.statusCode === 200 ? answer : { status: response.statusCode, ...(answer as object) };
  };
  const orSilence = (work: Promise<unknown>) => Promise.race([work, sleep(SILENCE_MS, 'silence')]);
  const follow = async (): Promise<{ lines: () => string; ended: Promise<unknown> }> => {
    const response = await open('GET', '/events');
    let lines = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (lines += chunk));
    const ended = new Promise((resolve) => response.once('error', resolve).once('end', resolve));
    await until('the first line', () => lines === 'first\n');
    return { lines: () => lines, ended };
  };

  it('passes requests with their bodies, streams and upgrades, and counts them', async () => {
    expect(await ask('POST', '/containers/create?name=a', CREATE)).toBe('done');
    expect(arrived).toEqual([`POST /v1.44/containers/create?name=a ${JSON.stringify(CREATE)}`]);
    const stream = await follow();
    streams[0]!.end('last\n');
    await stream.ended;
    expect(stream.lines()).toBe('first\nlast\n');
    const socket = connect(proxy.socketPath);
    socket.write('POST /v1.44/exec/1/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    expect(String(await once(socket, 'data'))).toContain('101 UPGRADED');
    socket.write('echo');
    expect(String(await once(socket, 'data'))).toBe('echo');
    expect(proxy.requests.map(({ method, path, query }) => [method, path, query])).toEqual([
      ['POST', '/containers/create', 'name=a'],
      ['GET', '/events', ''],
      ['POST', '/exec/1/start', ''],
    ]);
    expect(proxy.count(creates('workspace'))).toBe(1);
    expect(proxy.count(creates('git-agent'))).toBe(0);
    const cut = once(socket, 'close');
    expect(proxy.cut(({ path }) => path.startsWith('/exec'))).toBe(1);
    await cut;
  });

  it('refuses connections and cuts those that are open, until it passes again', async () => {
    const stream = await follow();
    await proxy.set('refuse');
    await stream.ended;
    await expect(ask('GET', '/containers/json')).rejects.toMatchObject({ code: expect.stringMatching(/ENOENT|ECONN/) });
    await proxy.set('pass');
    expect(await ask('GET', '/containers/json')).toEqual([1, 2, 3, 4]);
  });

  it('hangs: nothing is answered any more, not even what is under way', async () => {
    const stream = await follow();
    const held = proxy.hold(lists, 'after');
    const asked = ask('GET', '/containers/json').catch(() => 'cut');
    await held.reached();
    await proxy.set('hang');
    held.release();
    streams[0]!.write('second\n');
    const late = ask('GET', '/volumes').catch(() => 'cut');
    expect(await Promise.all([orSilence(asked), orSilence(late)])).toEqual(['silence', 'silence']);
    expect(stream.lines()).toBe('first\n');
    await proxy.set('pass');
    expect(await Promise.all([asked, late])).toEqual(['cut', 'cut']);
    expect(await ask('GET', '/volumes')).toEqual({ Volumes: [1, 2] });
  });

  it('fails every request, or only those that match', async () => {
    await proxy.set('fail');
    expect(await ask('GET', '/containers/json')).toMatchObject({ status: 500 });
    await proxy.set('pass');
    proxy.fail(starts, 507, 'no space left on device');
    expect(await ask('POST', '/containers/a/start')).toEqual({ status: 507, message: 'no space left on device' });
    expect(await ask('GET', '/containers/json')).toEqual([1, 2, 3, 4]);
    proxy.reset();
    expect(await ask('POST', '/containers/a/start')).toBe('done');
    expect(arrived).toHaveLength(2);
  });

  it('leaves out the second half of lists', async () => {
    await proxy.set('half');
    expect(await ask('GET', '/containers/json')).toEqual([1, 2]);
    expect(await ask('GET', '/volumes')).toEqual({ Volumes: [1] });
    expect(await ask('POST', '/containers/a/start')).toBe('done');
  });

  it('delays the requests that match', async () => {
    proxy.delay(lists, 300);
    const begun = performance.now();
    await Promise.all([ask('GET', '/volumes'), ask('GET', '/containers/json')]);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(295);
    expect(arrived).toEqual(['GET /v1.44/volumes', 'GET /v1.44/containers/json']);
  });

  it('holds one request before the engine sees it, or its answer afterwards', async () => {
    const before = proxy.hold(starts, 'before');
    const first = ask('POST', '/containers/a/start');
    await before.reached();
    expect(arrived).toEqual([]);
    expect(await ask('POST', '/containers/b/start')).toBe('done');
    before.release();
    expect(await first).toBe('done');
    const after = proxy.hold(starts, 'after');
    const second = ask('POST', '/containers/c/start').catch(() => 'cut');
    await after.reached();
    expect(arrived.at(-1)).toBe('POST /v1.44/containers/c/start');
    expect(await orSilence(second)).toBe('silence');
    after.drop();
    expect(await second).toBe('cut');
  });

  it('drops what it holds on a reset; the engine never sees it', async () => {
    const held = proxy.hold(starts, 'before');
    const asked = ask('POST', '/containers/a/start').catch(() => 'cut');
    await held.reached();
    proxy.reset();
    expect(await asked).toBe('cut');
    expect(arrived).toEqual([]);
  });

  it('cuts streams, or lets them stall with the connection open', async () => {
    const [stalled, other] = [await follow(), await follow()];
    expect(proxy.stall(followsEvents)).toBe(2);
    for (const stream of streams) stream.write('second\n');
    expect(await orSilence(stalled.ended)).toBe('silence');
    expect(stalled.lines()).toBe('first\n');
    expect(proxy.cut(followsEvents)).toBe(2);
    await Promise.all([stalled.ended, other.ended]);
    expect(proxy.cut(followsEvents)).toBe(0);
  });
});
