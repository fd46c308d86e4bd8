import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { delimiter, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

const execute = promisify(execFile);
const PYTHON = resolve('node_modules/.cache/devforge-python/clients/bin/python');
const CLIENTS = resolve('test/support/http-clients');
const MIB = 1024 * 1024;
/** What the JDK's client and curl --http2 add to a request on an unencrypted connection. */
const OFFER = {
  Connection: 'Upgrade, HTTP2-Settings',
  Upgrade: 'h2c',
  'HTTP2-Settings': 'AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
};

/** The JDK's compiler comes with `java` only where a whole JDK is installed. */
const hasJdk = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'javac')));

describe('HTTP clients that offer an upgrade', () => {
  let server: TestServer;
  let container: Container;
  const path = (): string => `/api/containers/${container.id}`;

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    container = ok(await server.api.create({ name: uniqueName(), template: 'claude' }, { prefer: 'wait=60' }));
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  /** Sends a request as it is written, and returns all that comes until the server closes the connection. */
  const send = async (method: string, target: string, headers: Record<string, string>, body = ''): Promise<string> => {
    const { hostname, port, host } = new URL(server.devforge.url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const all = { Host: host, Authorization: `Bearer ${server.devforge.token}`, ...headers };
    const head = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${method} ${target} HTTP/1.1\r\n${head.join('')}\r\n${body}`);
    return text(socket);
  };

  it.each([
    ['h2c', OFFER],
    ['h2c, on a connection that is to be closed', { ...OFFER, Connection: 'close, Upgrade, HTTP2-Settings' }],
    ['TLS', { Connection: 'Upgrade', Upgrade: 'TLS/1.0' }],
    ['several protocols', { Connection: 'Upgrade', Upgrade: 'foo/1, h2c' }],
  ])('are answered in HTTP/1.1 when it is to %s', async (_, headers) => {
    const closing = { ...headers, Connection: `close, ${headers.Connection}` };
    expect(await send('GET', '/health/live', closing)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\{"status":"ok"\}$/);
    const body = JSON.stringify({ command: ['cat'], stdin: 'x'.repeat(50_000) });
    const posting = { ...closing, 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
    expect(await send('POST', `${path()}/exec`, posting, body)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[^]*"stdout":"x{50000}"/,
    );
    const putting = { ...closing, 'Content-Length': String(3 * MIB) };
    expect(await send('PUT', `${path()}/files?path=file`, putting, 'y'.repeat(3 * MIB))).toMatch(/^HTTP\/1\.1 20[01] /);
    expect(await send('GET', `${path()}/files?path=file`, closing)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\ny{3145728}$/,
    );
  });

  it('are answered: curl', async () => {
    const { stdout } = await execute('curl', [
      '--silent',
      '--show-error',
      '--http2',
      `${server.devforge.url}/health/live`,
    ]);
    expect(stdout).toBe('{"status":"ok"}');
  });

  it("are answered: Python's httpx", async () => {
    const { url, token } = server.devforge;
    const { stdout } = await execute(PYTHON, [join(CLIENTS, 'client.py'), url, token, path()]);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['200', '200', '200', '201', '201', '200']);
  });

  /** The statuses that the JDK's client got. Where it is not installed, its request is sent by hand instead. */
  const askAsJdk = async (): Promise<string[]> => {
    const { url, token } = server.devforge;
    if (hasJdk) {
      const { stdout } = await execute('java', [join(CLIENTS, 'Client.java'), url, token, path()]);
      return stdout.trim().split('\n');
    }
    process.stdout.write('No JDK is installed: what its HttpClient sends is sent by hand.\n');
    const headers = { ...OFFER, 'User-Agent': 'Java-http-client/17', 'Content-Length': '0' };
    return [await send('GET', '/api/info', { ...headers, Connection: `close, ${OFFER.Connection}` })];
  };

  it("are answered: the JDK's HttpClient, or what it sends where no JDK is installed", async () => {
    for (const answer of await askAsJdk()) expect(answer).toMatch(/^20[01] HTTP_1_1 |^HTTP\/1\.1 200 OK/);
  }, 120_000);
});
