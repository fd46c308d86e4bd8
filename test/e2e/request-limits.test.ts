/** What the server takes from clients: bodies, connections, and the answers to those that it does not take. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ApiClient, problem } from '../support/api/client.js';
import { postmasterOf } from '../support/faults/postmaster.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

const ORIGIN = 'https://portal.example.org';
const MINIMAL = { name: 'a-good-name', template: 'claude' };

describe('limits of requests', () => {
  let server: TestServer;

  beforeAll(async () => {
    server = await startTestServer({ KEEP_ALIVE_SECONDS: '90' });
  }, 60_000);
  afterAll(() => server?.dispose(), 60_000);

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    server.api.request('POST', '/api/containers', {
      body,
      headers: { 'content-type': 'application/json', origin: ORIGIN, ...headers },
    });
  const dial = async (): Promise<{ socket: Socket; received: () => string; closed: Promise<number> }> => {
    const socket = connect(Number(new URL(server.devforge.url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (data) => (text += data.toString()));
    socket.on('error', () => undefined);
    const startedAt = performance.now();
    const closed = once(socket, 'close').then(() => performance.now() - startedAt);
    await once(socket, 'connect');
    return { socket, received: () => text, closed };
  };
  const head = (target: string, headers: Record<string, string>): string =>
    [
      `POST ${target} HTTP/1.1`,
      ...Object.entries({ Host: 'x', ...headers }).map((pair) => pair.join(': ')),
      '',
      '',
    ].join('\r\n');
  const signedIn = (): Record<string, string> => ({
    Authorization: `Bearer ${server.devforge.token}`,
    'Content-Type': 'application/json',
  });

  describe('a request with two Host headers', () => {
    const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket'];

    it.each<[string, string, string[]]>([
      ['to the API', '/api/me', []],
      ['to a page', '/sign-in', []],
      ['to a site', '/', []],
      ['to Socket.io', '/socket.io/?EIO=4&transport=polling', []],
      ['for a WebSocket', '/socket.io/?EIO=4&transport=websocket', UPGRADE],
      ['for a WebSocket of a site', '/', UPGRADE],
      ['to what is served nowhere', '/nowhere', UPGRADE],
    ])('%s is refused with 400', async (_, path, more) => {
      const { port } = new URL(server.devforge.url);
      const hosts = [`localhost:${port}`, `4000--a.localhost:${port}`];
      for (const each of [hosts, hosts.toReversed(), [hosts[0], hosts[0]]]) {
        const { socket, received, closed } = await dial();
        const headers = [...each.map((host) => `Host: ${host}`), `Authorization: Bearer ${server.devforge.token}`];
        socket.write([`GET ${path} HTTP/1.1`, ...headers, ...more, '', ''].join('\r\n'));
        await until('an answer', () => received().includes('\r\n\r\n'));
        expect(received().split('\r\n', 1)).toEqual(['HTTP/1.1 400 Bad Request']);
        await closed;
      }
    });
  });

  describe('bodies', () => {
    it.each([
      ['20,000 levels', `{"name":"a","template":"claude","env":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`],
      ['20,000 arrays', `{"env":${'['.repeat(20_000)}${']'.repeat(20_000)}}`],
      ['half of a surrogate pair as a value', '{"name":"a-good-name","template":"claude","env":{"A":"\\ud800"}}'],
      ['half of a surrogate pair as a key', '{"name":"a-good-name","template":"claude","env":{"\\ud800":"a"}}'],
      ['NUL in a variable', '{"name":"a-good-name","template":"claude","env":{"A":"a\\u0000"}}'],
      ['bytes that are not UTF-8', Buffer.from([...Buffer.from('{"name":"'), 0xff, ...Buffer.from('"}')])],
    ])('with %s are refused with 400', async (_, body) => {
      const response = await fetch(`${server.devforge.url}/api/containers`, {
        method: 'POST',
        headers: signedIn(),
        body,
      });
      expect(response.status).toBe(400);
      expect(response.headers.get('content-type')).toContain('application/problem+json');
    });

    it('with 70,000 unknown keys are refused at once, with the first faults only', async () => {
      const body = {
        ...MINIMAL,
        ...Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, 1])),
      };
      const startedAt = performance.now();
      const refused = problem(await post(body));
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
      const fewer = {
        ...MINIMAL,
        ...Object.fromEntries(Array.from({ length: 4_000 }, (_, index) => [`k${index}`, 1])),
      };
      const { errors, detail } = problem(await post(fewer));
      expect(errors).toHaveLength(50);
      expect(detail).toMatch(/and 3950 more$/);
    });

    it.each([
      ['too large', 413, 'payload_too_large', { body: `{"name":"${'x'.repeat(1_200_000)}"}` }],
      ['not JSON', 400, 'malformed_body', { body: '{"name":' }],
      [
        'in another charset',
        415,
        'unsupported_media_type',
        { headers: { 'content-type': 'application/json; charset=utf-16' } },
      ],
      ['of no type', 415, 'unsupported_media_type', { headers: { 'content-type': '' } }],
      [
        'a form, as curl sends them by itself',
        415,
        'unsupported_media_type',
        { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      ],
      ['in an unknown encoding', 415, 'unsupported_media_type', { headers: { 'content-encoding': 'x-unknown' } }],
      ['not compressed as announced', 400, 'malformed_body', { headers: { 'content-encoding': 'gzip' } }],
    ])(
      'that are %s get a problem with request id, CORS headers and a line in the log',
      async (_, status, code, given) => {
        const { body = JSON.stringify(MINIMAL), headers = {} } = given as {
          body?: string;
          headers?: Record<string, string>;
        };
        const requestId = randomUUID();
        const response = await post(body, { ...headers, 'x-request-id': requestId });
        expect(problem(response)).toMatchObject({ status, code, requestId });
        expect(response.headers.get('x-request-id')).toBe(requestId);
        expect(response.headers.get('access-control-allow-origin')).toBe('*');
        await until('the line in the log', () => server.devforge.log().includes(requestId));
      },
    );

    it('that are not sent as HTTP requires get such a problem too', async () => {
      const { socket, received, closed } = await dial();
      const requestId = randomUUID();
      const headers = { ...signedIn(), Origin: ORIGIN, 'X-Request-Id': requestId, 'Transfer-Encoding': 'chunked' };
      socket.write(`${head('/api/containers', headers)}no-size\r\n`);
      await closed;
      expect(received()).toMatch(/^HTTP\/1\.1 400 /);
      expect(received()).toContain('"code":"malformed_body"');
      expect(received()).toContain(`"requestId":"${requestId}"`);
      expect(received().toLowerCase()).toContain('access-control-allow-origin: *');
      await until('the line in the log', () => server.devforge.log().includes(requestId));
    });

    it('of strangers are not read: they are answered at once, and their connection is closed', async () => {
      const { socket, received, closed } = await dial();
      socket.write(head('/api/containers', { 'Content-Type': 'application/json', 'Content-Length': '900000' }));
      await until('the answer', () => received().includes('401'));
      socket.write('{"name":"'.padEnd(50_000, 'x'));
      expect(await closed).toBeLessThan(5_000);
      expect(received()).toContain('"code":"unauthorized"');
    });
  });

  it('refuses what the database cannot store, wherever it is', async () => {
    for (const path of [
      '/api/containers/%00',
      '/api/instructions/%00',
      '/api/jobs/%00',
      '/api/projects/%00',
      '/api/users/%00',
      '/api/credentials/%00',
      '/api/containers/a%00b/exec',
    ]) {
      const response = await server.api.request('GET', path);
      expect({ path, isRefused: [400, 404, 405].includes(response.status) }).toEqual({ path, isRefused: true });
    }
  });

  it('keeps idle connections open for as long as KEEP_ALIVE_SECONDS says', async () => {
    const response = await new ApiClient(server.devforge.url, null).request('GET', '/health/live');
    expect(response.headers.get('keep-alive')).toBe('timeout=90');
  });

  it('closes connections on which no request, or no whole body, arrives in time', async () => {
    const silent = await dial();
    const partial = await dial();
    partial.socket.write('GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    const polling = await dial();
    polling.socket.write(head('/socket.io/?EIO=4&transport=polling&sid=x', { 'Content-Length': '1000' }));
    const site = await dial();
    site.socket.write(head('/', { Host: 'no-such-container.localhost', 'Content-Length': '1000' }));
    for (const { closed } of [silent, partial, polling, site]) expect(await closed).toBeLessThan(25_000);
  }, 60_000);

  it('writes no value of a request into a log when the database fails', async () => {
    const canary = `canary-${randomUUID()}`;
    const create = () => post({ ...MINIMAL, env: { K: canary } });
    process.kill(postmasterOf(server.devforge), 'SIGKILL');
    await until('a request fails for the database', async () => {
      const { status } = await create();
      // One that was accepted while the database was just about to end, or is back already.
      if (status === 202) process.kill(postmasterOf(server.devforge), 'SIGKILL');
      return status === 503;
    });
    await until('the database is back', async () => (await server.api.list()).status === 200, 30_000);
    await until('the error in the log', () => server.devforge.log().includes('"code":"database_unavailable"'));
    expect(server.devforge.log()).not.toContain(canary);
  }, 60_000);
});
