import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createServer, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { listening } from '../../test/support/api/listening.js';
import { limitHeaders, limitUpgrades } from './upgrades.js';

/** As Java's HttpClient and `curl --http2` send it. */
const H2C = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA' };
const WEBSOCKET = { Connection: 'Upgrade', Upgrade: 'WebSocket' };

describe('limitUpgrades', () => {
  const server = createServer((received, response) => {
    text(received).then(
      (body) => response.end(`plain ${received.method} ${body}`),
      () => undefined,
    );
  });
  let port: number;

  beforeAll(async () => {
    server.on('upgrade', (_, socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    limitUpgrades(server, ({ url }) => url === '/sockets');
    port = await listening(server);
  });
  afterAll(() => void server.close());

  const answer = (path: string, headers: OutgoingHttpHeaders, body = ''): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path, headers, method: body === '' ? 'GET' : 'POST', agent: false });
      sent.on('upgrade', (_, socket) => {
        socket.destroy();
        resolve('upgraded');
      });
      sent.on('response', (response) => resolve(text(response)));
      sent.on('error', reject).end(body);
    });

  it('answers requests that offer another protocol in HTTP/1.1, with and without a body', async () => {
    await expect(answer('/sockets', H2C)).resolves.toBe('plain GET ');
    await expect(answer('/', H2C, '{"a":1}')).resolves.toBe('plain POST {"a":1}');
    await expect(answer('/', { Connection: 'Upgrade', Upgrade: 'TLS/1.0' })).resolves.toBe('plain GET ');
  });

  it('takes headers up to the limit that is set', async () => {
    limitHeaders(server, 64 * 1024);
    await expect(answer('/', { 'X-Large': 'x'.repeat(40_000) })).resolves.toBe('plain GET ');
    await expect(answer('/', { 'X-Large': 'x'.repeat(70_000) })).resolves.toBe('');
  });

  it('upgrades to WebSocket where there are WebSockets, whatever else is offered', async () => {
    await expect(answer('/sockets', WEBSOCKET)).resolves.toBe('upgraded');
    await expect(answer('/sockets', { ...WEBSOCKET, Upgrade: 'h2c, websocket' })).resolves.toBe('upgraded');
  });

  it('answers a WebSocket handshake in HTTP/1.1 where there are none', async () => {
    await expect(answer('/health', WEBSOCKET)).resolves.toBe('plain GET ');
    await expect(answer('/sockets', WEBSOCKET, 'a body')).resolves.toBe('plain POST a body');
  });
});
