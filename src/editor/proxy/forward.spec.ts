import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as ask,
  type RequestListener,
  type RequestOptions,
} from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { listening } from '../../../test/support/api/listening.js';
import { forward } from './forward.js';
import { tunnelPool } from '../tunnel/tunnel-clients.js';

const MIB = 1024 * 1024;

describe('forward', () => {
  let site: RequestListener;
  const sites = createServer((request, response) => site(request, response));
  const relayed = jest.fn();
  let failure: Promise<unknown>;
  let told: (error: unknown) => void;
  const dials = jest.fn();
  let sitePort: number;
  const pool = tunnelPool(async () => {
    dials();
    const socket = connect({ port: sitePort, host: '127.0.0.1' });
    await once(socket, 'connect');
    return socket;
  });
  const front = createServer((request, response) => {
    forward(request, response, { over: pool, path: request.url!, relayed }).then(
      () => told(undefined),
      (error: unknown) => {
        told(error);
        if (!response.headersSent) response.writeHead(503).end();
      },
    );
  });
  let frontPort: number;

  beforeAll(async () => {
    sitePort = await listening(sites);
    frontPort = await listening(front);
  });
  beforeEach(() => {
    relayed.mockClear();
    dials.mockClear();
    failure = new Promise((resolve) => (told = resolve));
  });
  afterAll(async () => {
    await pool.destroy();
    front.close();
    sites.close();
  });

  /** @returns once the head of the answer has come */
  async function asking(options: RequestOptions, body?: Buffer | string): Promise<IncomingMessage> {
    const request = ask({ host: '127.0.0.1', port: frontPort, agent: false, ...options });
    request.on('error', () => undefined).end(body);
    return ((await once(request, 'response')) as [IncomingMessage])[0];
  }
  /** What the site is told of a request. */
  async function heard(
    options: RequestOptions,
    body?: Buffer | string,
  ): Promise<{ headers: IncomingHttpHeaders; method: string; url: string; body: string }> {
    site = (request, response) =>
      void text(request).then((read) =>
        response.end(
          JSON.stringify({ headers: request.headers, method: request.method, url: request.url, body: read }),
        ),
      );
    return JSON.parse(await text(await asking(options, body))) as never;
  }

  it('hands on method, path, host, headers and body', async () => {
    const request = await heard(
      {
        method: 'POST',
        path: '/a%2Fb?c=%20d',
        headers: { host: 'web.localhost:3000', 'x-own': 'ü', cookie: 'a=1; b=2' },
      },
      Buffer.from('the body'),
    );
    expect(request).toMatchObject({
      method: 'POST',
      url: '/a%2Fb?c=%20d',
      body: 'the body',
      headers: { host: 'web.localhost:3000', 'x-own': 'ü', cookie: 'a=1; b=2', 'content-length': '8' },
    });
  });

  it.each(['DELETE', 'GET', 'OPTIONS'])('hands on a body with %s, of unknown length too', async (method) => {
    await expect(
      heard({ method, path: '/', headers: { 'transfer-encoding': 'chunked' } }, 'the body'),
    ).resolves.toMatchObject({ method, body: 'the body' });
    await expect(heard({ method, path: '/' })).resolves.toMatchObject({ method, body: '' });
  });

  it('says for whom it asks, and who did before', async () => {
    const alone = await heard({ path: '/', headers: { host: 'web.localhost:3000' } });
    expect(alone.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': '3000',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'web.localhost:3000',
    });
    const behind = await heard({
      path: '/',
      headers: {
        host: 'web.example.com',
        'x-forwarded-for': '192.0.2.7',
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'web.example.com',
        'x-forwarded-prefix': '/x',
      },
    });
    expect(behind.headers).toMatchObject({
      'x-forwarded-prefix': '/x',
      'x-forwarded-for': '192.0.2.7,127.0.0.1',
      'x-forwarded-proto': 'https,http',
      'x-forwarded-host': 'web.example.com',
    });
  });

  it('keeps to itself what is of one connection alone', async () => {
    const { headers } = await heard({
      path: '/',
      headers: {
        connection: 'close',
        'keep-alive': 'timeout=9',
        te: 'trailers',
        expect: '100-continue',
        'proxy-connection': 'close',
      },
    });
    for (const name of ['keep-alive', 'te', 'expect', 'proxy-connection']) expect(headers[name]).toBeUndefined();
    expect(headers.connection).toBe('keep-alive');
  });

  it('hands back status, message, headers and body', async () => {
    site = (_, response) =>
      response
        .writeHead(
          418,
          'Short and stout',
          [
            ['X-One', '1'],
            ['Set-Cookie', 'a=1; Domain=localhost; Path=/'],
            ['Set-Cookie', 'b=2; HttpOnly'],
            ['X-Bytes', '\u00c3\u00bc'],
            ['Connection', 'close'],
          ].flat(),
        )
        .end('no coffee');
    const answer = await asking({ path: '/', agent: undefined });
    expect(answer).toMatchObject({ statusCode: 418, statusMessage: 'Short and stout' });
    expect(answer.headers).toMatchObject({
      'x-one': '1',
      'set-cookie': ['a=1; Path=/', 'b=2; HttpOnly'],
      'x-bytes': '\u00c3\u00bc',
    });
    expect(answer.rawHeaders).toContain('X-One');
    await expect(text(answer)).resolves.toBe('no coffee');
    await expect(failure).resolves.toBeUndefined();
  });

  it.each([
    ['HEAD', 200, { 'Content-Length': '1234' }],
    ['GET', 204, {}],
    ['GET', 304, { ETag: '"x"' }],
  ])('hands back answers that have no body: %s %i', async (method, status, headers) => {
    site = (_, response) => response.writeHead(status, headers).end();
    const answer = await asking({ method, path: '/' });
    expect(answer.statusCode).toBe(status);
    for (const [name, value] of Object.entries(headers)) expect(answer.headers[name.toLowerCase()]).toBe(value);
    await expect(text(answer)).resolves.toBe('');
  });

  it('does not take a hint for the answer', async () => {
    site = (_, response) =>
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => response.end('the answer'));
    await expect(text(await asking({ path: '/' }))).resolves.toBe('the answer');
  });

  it('carries large bodies both ways, and tells of every byte', async () => {
    site = (request, response) => void request.pipe(response);
    const sent = randomBytes(8 * MIB);
    const answer = await asking({ method: 'PUT', path: '/' }, sent);
    expect((await buffer(answer)).equals(sent)).toBe(true);
    expect(relayed.mock.calls.reduce((sum, [chunk]) => sum + (chunk as Buffer).length, 0)).toBe(2 * sent.length);
  });

  it('keeps connections, and makes a new one when the site has closed them', async () => {
    site = (_, response) => response.end('here');
    for (let count = 0; count < 3; count++) await text(await asking({ path: '/' }));
    expect(dials.mock.calls.length).toBeLessThanOrEqual(1);
    sites.closeIdleConnections();
    await delay(50);
    await expect(text(await asking({ path: '/' }))).resolves.toBe('here');
  });

  it('shows an open stream before anything has happened in it', async () => {
    site = (_, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    const answer = await asking({ path: '/' });
    expect(answer.statusCode).toBe(200);
    answer.destroy();
  });

  it('asks the site to wait for a slow reader', async () => {
    let given = 0;
    site = (_, response) => {
      const give = (): void => {
        while (given < 64 && response.write(Buffer.alloc(MIB))) given++;
        if (given >= 64) response.end();
        else response.once('drain', give).write(Buffer.alloc(MIB), () => void given++);
      };
      give();
    };
    const answer = await asking({ path: '/' });
    await delay(500);
    expect(given).toBeLessThan(32);
    expect((await buffer(answer)).length).toBeGreaterThanOrEqual(64 * MIB);
  });

  it('is told when the site breaks off before it answers', async () => {
    site = (request) => request.socket.destroy();
    expect((await asking({ path: '/' })).statusCode).toBe(503);
    await expect(failure).resolves.toBeInstanceOf(Error);
  });

  it('breaks off where the site does', async () => {
    site = (request, response) =>
      response.writeHead(200, { 'Content-Length': '1000' }).write('half', () => request.socket.destroy());
    await expect(text(await asking({ path: '/' }))).rejects.toThrow('aborted');
    await expect(failure).resolves.toBeInstanceOf(Error);
  });

  it('lets go of the site when the browser leaves', async () => {
    const left = new Promise<void>((resolve) => {
      site = (request, response) => {
        request.socket.once('close', () => resolve());
        response.write('for ever');
      };
    });
    (await asking({ path: '/' })).destroy();
    await left;
    await expect(failure).resolves.toBeUndefined();
  });

  it('lets go of the site when the browser leaves in the middle of what it sends', async () => {
    const left = new Promise<void>((resolve) => {
      site = (request) => {
        request.once('data', () => upload.destroy());
        request.on('error', () => undefined).once('close', () => resolve());
      };
    });
    const upload = ask({ host: '127.0.0.1', port: frontPort, method: 'POST', path: '/' });
    upload.on('error', () => undefined).write('some of it');
    await left;
    await expect(failure).resolves.toBeUndefined();
  });
});
