import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendRequest,
  type RequestListener,
  type RequestOptions,
} from 'node:http';
import { connect } from 'node:net';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { listening } from '../../../test/support/api/listening.js';
import { forward, type ForwardOptions, UnexpectedProtocolError } from './forward.js';
import { tunnelPool } from '../tunnel/tunnel-clients.js';

const MIB = 1024 * 1024;

describe('forward', () => {
  let site: RequestListener;
  const sites = createServer((request, response) => site(request, response));
  const onBody = jest.fn();
  let failure: Promise<unknown>;
  let settle: (error: unknown) => void;
  const dials = jest.fn();
  let sitePort: number;
  const pool = tunnelPool(async () => {
    dials();
    const socket = connect({ port: sitePort, host: '127.0.0.1' });
    await once(socket, 'connect');
    return socket;
  });
  const front = createServer((request, response) => {
    forward(request, response, { dispatcher: pool, path: request.url!, onBody, ...options }).then(
      () => settle(undefined),
      (error: unknown) => {
        settle(error);
        if (!response.headersSent) response.writeHead(503).end();
      },
    );
  });
  let frontPort: number;
  let options: Partial<ForwardOptions> = {};

  beforeAll(async () => {
    sitePort = await listening(sites);
    frontPort = await listening(front);
  });
  beforeEach(() => {
    onBody.mockClear();
    dials.mockClear();
    failure = new Promise((resolve) => (settle = resolve));
  });
  afterAll(async () => {
    await pool.destroy();
    front.close();
    sites.close();
  });

  /** Resolves when the headers of the response have arrived. */
  async function send(options: RequestOptions, body?: Buffer | string): Promise<IncomingMessage> {
    const request = sendRequest({ host: '127.0.0.1', port: frontPort, agent: false, ...options });
    request.on('error', () => undefined).end(body);
    return ((await once(request, 'response')) as [IncomingMessage])[0];
  }
  /** Resolves with the request as the site received it. */
  async function received(
    options: RequestOptions,
    body?: Buffer | string,
  ): Promise<{ headers: IncomingHttpHeaders; method: string; url: string; body: string }> {
    site = (request, response) =>
      void text(request).then((read) =>
        response.end(
          JSON.stringify({ headers: request.headers, method: request.method, url: request.url, body: read }),
        ),
      );
    return JSON.parse(await text(await send(options, body))) as never;
  }

  it('forwards method, path, host, headers and body', async () => {
    const request = await received(
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

  it.each(['DELETE', 'GET', 'OPTIONS'])('forwards a body of %s, also of unknown length', async (method) => {
    await expect(
      received({ method, path: '/', headers: { 'transfer-encoding': 'chunked' } }, 'the body'),
    ).resolves.toMatchObject({ method, body: 'the body' });
    await expect(received({ method, path: '/' })).resolves.toMatchObject({ method, body: '' });
  });

  it('sets the X-Forwarded-* headers and appends to those of an outer proxy', async () => {
    const alone = await received({ path: '/', headers: { host: 'web.localhost:3000' } });
    expect(alone.headers).toMatchObject({
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-port': '3000',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'web.localhost:3000',
    });
    const behind = await received({
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

  it('does not forward hop-by-hop headers', async () => {
    const { headers } = await received({
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

  it('does not forward what Connection names, in either direction', async () => {
    const { headers } = await received({
      path: '/',
      headers: {
        connection: 'Upgrade, HTTP2-Settings, x-own, host',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABk',
        'x-own': '1',
        host: 'web.localhost',
      },
    });
    for (const name of ['upgrade', 'http2-settings', 'x-own']) expect(headers[name]).toBeUndefined();
    expect(headers.host).toBe('web.localhost');
    site = (_, response) =>
      response.writeHead(200, { Connection: 'keep-alive, X-Hop', 'X-Hop': '1', 'X-Kept': '2' }).end();
    const answer = await send({ path: '/' });
    expect(answer.headers).toMatchObject({ 'x-kept': '2' });
    expect(answer.headers['x-hop']).toBeUndefined();
  });

  it('returns response headers of up to 64 kB, and says what is wrong with larger ones', async () => {
    site = ({ url }, response) => response.setHeader('X-Policy', 'p'.repeat(Number(url!.slice(1)))).end('here');
    const answer = await send({ path: '/40000', maxHeaderSize: 128 * 1024 });
    expect(answer.headers['x-policy']).toHaveLength(40_000);
    await expect(text(answer)).resolves.toBe('here');
    failure = new Promise((resolve) => (settle = resolve));
    await send({ path: '/70000' });
    await expect(failure).resolves.toMatchObject({ code: 'UND_ERR_HEADERS_OVERFLOW' });
  });

  describe('with something to insert', () => {
    const page = '<html><head><title>t</title></head><body>b</body></html>';
    const changed = '<html><head><title>t</title><script></script></head><body>b</body></html>';
    beforeEach(() => {
      options = { insertion: '<script></script>', changeHeaders: (headers) => [...headers, 'X-Added', '1'] };
    });
    afterEach(() => {
      options = {};
    });

    it('inserts it into the head of a page, which is asked for uncompressed', async () => {
      let accepted: unknown = 'nothing';
      site = ({ headers }, response) => {
        accepted = headers['accept-encoding'];
        response.writeHead(200, {
          'Content-Type': 'text/html; charset=utf-8',
          ETag: '"1"',
          'Content-Length': page.length,
        });
        response.end(page);
      };
      const answer = await send({ path: '/', headers: { 'accept-encoding': 'gzip', 'if-none-match': '"1"' } });
      expect(answer.headers).toMatchObject({ 'x-added': '1' });
      expect(answer.headers.etag).toBeUndefined();
      await expect(text(answer)).resolves.toBe(changed);
      expect(accepted).toBeUndefined();
    });

    it.each([
      ['of another type', 200, { 'Content-Type': 'text/javascript' }],
      ['with an error', 404, { 'Content-Type': 'text/html' }],
      ['compressed all the same', 200, { 'Content-Type': 'text/html', 'Content-Encoding': 'x' }],
    ])('leaves a response %s as it is', async (_, status, headers) => {
      site = (_request, response) => response.writeHead(status, headers).end(page);
      await expect(text(await send({ path: '/' }))).resolves.toBe(page);
    });

    it('leaves a page without a head and one that is too large as they are', async () => {
      const large = page + ' '.repeat(2 * MIB);
      site = ({ url }, response) =>
        response.writeHead(200, { 'Content-Type': 'text/html' }).end(url === '/' ? 'no head' : large);
      await expect(text(await send({ path: '/' }))).resolves.toBe('no head');
      await expect(text(await send({ path: '/large' }))).resolves.toBe(large);
    });
  });

  it('reports a 400 instead of sending it where the site may speak TLS', async () => {
    site = (_, response) => response.writeHead(400).end('a plain request');
    options = { expectsTls: true };
    expect((await send({ path: '/' })).statusCode).toBe(503);
    await expect(failure).resolves.toBeInstanceOf(UnexpectedProtocolError);
    options = {};
    expect((await send({ path: '/' })).statusCode).toBe(400);
  });

  it('returns status, message, headers and body', async () => {
    site = (_, response) =>
      response
        .writeHead(
          418,
          'Short and stout',
          [
            ['X-One', '1'],
            ['Set-Cookie', 'a=1; Domain=localhost; Path=/; Domain =localhost'],
            ['Set-Cookie', 'devforge_site=planted'],
            ['Set-Cookie', 'b=2; HttpOnly'],
            ['X-Bytes', '\u00c3\u00bc'],
            ['Connection', 'close'],
          ].flat(),
        )
        .end('no coffee');
    const answer = await send({ path: '/', agent: undefined });
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
  ])('returns responses without a body: %s %i', async (method, status, headers) => {
    site = (_, response) => response.writeHead(status, headers).end();
    const answer = await send({ method, path: '/' });
    expect(answer.statusCode).toBe(status);
    for (const [name, value] of Object.entries(headers)) expect(answer.headers[name.toLowerCase()]).toBe(value);
    await expect(text(answer)).resolves.toBe('');
  });

  it('does not mistake early hints for the response', async () => {
    site = (_, response) =>
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' }, () => response.end('the answer'));
    await expect(text(await send({ path: '/' }))).resolves.toBe('the answer');
  });

  it('streams large bodies in both directions and reports every byte', async () => {
    site = (request, response) => void request.pipe(response);
    const sent = randomBytes(8 * MIB);
    const answer = await send({ method: 'PUT', path: '/' }, sent);
    expect((await buffer(answer)).equals(sent)).toBe(true);
    expect(onBody.mock.calls.reduce((sum, [chunk]) => sum + (chunk as Buffer).length, 0)).toBe(2 * sent.length);
  });

  it('reuses connections and opens new ones when the site has closed them', async () => {
    site = (_, response) => response.end('here');
    for (let count = 0; count < 3; count++) await text(await send({ path: '/' }));
    expect(dials.mock.calls.length).toBeLessThanOrEqual(1);
    sites.closeIdleConnections();
    await delay(50);
    await expect(text(await send({ path: '/' }))).resolves.toBe('here');
  });

  it('sends the headers of an event stream before its first event', async () => {
    site = (_, response) => response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders();
    const answer = await send({ path: '/' });
    expect(answer.statusCode).toBe(200);
    answer.destroy();
  });

  it('pauses the site while the browser reads slowly', async () => {
    let written = 0;
    site = (_, response) => {
      const write = (): void => {
        while (written < 64 && response.write(Buffer.alloc(MIB))) written++;
        if (written >= 64) response.end();
        else response.once('drain', write).write(Buffer.alloc(MIB), () => void written++);
      };
      write();
    };
    const answer = await send({ path: '/' });
    await delay(500);
    expect(written).toBeLessThan(32);
    expect((await buffer(answer)).length).toBeGreaterThanOrEqual(64 * MIB);
  });

  it('rejects when the site disconnects before it responds', async () => {
    site = (request) => request.socket.destroy();
    expect((await send({ path: '/' })).statusCode).toBe(503);
    await expect(failure).resolves.toBeInstanceOf(Error);
  });

  it('cuts the response off where the site does', async () => {
    site = (request, response) =>
      response.writeHead(200, { 'Content-Length': '1000' }).write('half', () => request.socket.destroy());
    await expect(text(await send({ path: '/' }))).rejects.toThrow('aborted');
    await expect(failure).resolves.toBeInstanceOf(Error);
  });

  it('disconnects from the site when the browser disconnects', async () => {
    const disconnected = new Promise<void>((resolve) => {
      site = (request, response) => {
        request.socket.once('close', () => resolve());
        response.write('endless');
      };
    });
    (await send({ path: '/' })).destroy();
    await disconnected;
    await expect(failure).resolves.toBeUndefined();
  });

  it('disconnects from the site when the browser disconnects during an upload', async () => {
    const disconnected = new Promise<void>((resolve) => {
      site = (request) => {
        request.once('data', () => upload.destroy());
        request.on('error', () => undefined).once('close', () => resolve());
      };
    });
    const upload = sendRequest({ host: '127.0.0.1', port: frontPort, method: 'POST', path: '/' });
    upload.on('error', () => undefined).write('some of it');
    await disconnected;
    await expect(failure).resolves.toBeUndefined();
  });
});
