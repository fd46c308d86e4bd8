import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, createServer as createTcpServer, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { listening } from '../../../test/support/api/listening.js';
import { tunnelPool } from './tunnel-clients.js';
import { mayExpectTls, startTls, TlsPorts } from './tls-ports.js';

const AUTHORITY = 'test/support/git/authority';

describe('TlsPorts', () => {
  const plain = createServer((_, response) => response.end('plain'));
  const secure = createTlsServer(
    { key: readFileSync(`${AUTHORITY}/ca.key`), cert: readFileSync(`${AUTHORITY}/ca.pem`) },
    (_, response) => response.end('secure'),
  );
  const closing = createTcpServer((socket) => socket.destroy());
  let ports: { plain: number; secure: number; closing: number };

  const dial = async (port: number): Promise<Socket> => {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket;
  };

  beforeAll(async () => {
    ports = { plain: await listening(plain), secure: await listening(secure), closing: await listening(closing) };
  });
  afterAll(() => {
    for (const server of [plain, secure, closing]) server.close();
  });

  it.each([
    ['an alert of TLS', '\x15\x03\x03\x00\x02\x02\x28', true],
    ['nothing', '', true],
    ['another protocol', '220 mail.example.org\r\n', false],
    ['malformed HTTP', 'HTTP/1.1 200 OK\r\nno colon\r\n\r\n', false],
  ])('takes %s for the answer of a port with TLS or not', async (_, answer, expected) => {
    const strange = createTcpServer((socket) =>
      socket.on('error', () => undefined).once('data', () => socket.end(answer, 'latin1')),
    );
    const port = await listening(strange);
    const pool = tunnelPool(() => dial(port));
    for (const request of [{ method: 'GET' }, { method: 'POST', body: 'a' }] as const) {
      const error = await new Promise<Error>((resolve, reject) =>
        pool.dispatch(
          { path: '/', headers: [], ...request },
          {
            onRequestStart: () => undefined,
            onResponseStart: () => undefined,
            onResponseData: () => undefined,
            onResponseEnd: () => reject(new Error('an answer')),
            onResponseError: (__, failure) => resolve(failure),
          },
        ),
      );
      expect(mayExpectTls(error)).toBe(expected);
    }
    await pool.destroy();
    strange.close();
  });

  it('finds out which ports speak TLS and remembers it for one workspace', async () => {
    const tls = new TlsPorts();
    const probe = (port: number): Promise<boolean> => tls.probe('one', port, () => dial(port));
    await expect(probe(ports.secure)).resolves.toBe(true);
    await expect(probe(ports.plain)).resolves.toBe(false);
    await expect(probe(ports.closing)).resolves.toBe(false);
    await expect(tls.probe('one', 1, () => Promise.reject(new Error('refused')))).resolves.toBe(false);
    expect([tls.has('one', ports.secure), tls.has('one', ports.plain), tls.has('two', ports.secure)]).toEqual([
      true,
      false,
      false,
    ]);
    tls.forget('one', ports.secure);
    expect(tls.has('one', ports.secure)).toBe(false);
  });

  it('speaks HTTP/1.1 over TLS, of whatever certificate', async () => {
    const socket = await startTls(await dial(ports.secure));
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    await expect(text(socket)).resolves.toContain('secure');
  });
});
