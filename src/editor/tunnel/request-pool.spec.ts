import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listening } from '../../../test/support/api/listening.js';
import { until } from '../../../test/support/e2e/until.js';
import { RequestPool } from './request-pool.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

interface Arrived {
  socket: Socket;
  text: string;
}

describe('RequestPool', () => {
  let server: Server;
  let port: number;
  let pool: RequestPool;
  let sockets: Socket[];
  let requests: Arrived[];
  let dialled: Duplex[];

  beforeEach(async () => {
    sockets = [];
    requests = [];
    dialled = [];
    server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => requests.push({ socket, text: chunk.toString('latin1') }));
    });
    port = await listening(server);
    pool = new RequestPool(dial, 2);
  });
  afterEach(() => {
    pool.destroy();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  async function dial(): Promise<Duplex> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    dialled.push(socket);
    return socket;
  }
  function ask(path = '/', headers = ['host', 'a.localhost']): { answer: Promise<string>; abort: () => void } {
    let body = '';
    let abort = (): void => undefined;
    const answer = new Promise<string>((resolve, reject) => {
      pool.dispatch(
        { method: 'GET', path, headers },
        {
          onRequestStart: (controller) => (abort = () => controller.abort(new Error('given up'))),
          onResponseStart: () => undefined,
          onResponseData: (_, chunk) => void (body += chunk.toString()),
          onResponseEnd: () => resolve(body),
          onResponseError: (_, error) => reject(error),
        },
      );
    });
    answer.catch(() => undefined);
    return { answer, abort: () => abort() };
  }
  const arrived = (count: number): Promise<Arrived> =>
    until(`request ${count}`, () => (requests.length >= count ? requests[count - 1] : undefined));

  it('sends requests in HTTP/1.1 over a connection that is kept', async () => {
    const first = ask('/one?a=b', ['host', 'a.localhost', 'x-own', '\xfc']);
    const { socket, text } = await arrived(1);
    expect(text).toBe('GET /one?a=b HTTP/1.1\r\nhost: a.localhost\r\nx-own: \xfc\r\nconnection: keep-alive\r\n\r\n');
    socket.write(OK);
    await expect(first.answer).resolves.toBe('ok');
    const second = ask();
    (await arrived(2)).socket.write(OK);
    await expect(second.answer).resolves.toBe('ok');
    expect(sockets).toHaveLength(1);
  });

  it('lets requests beyond its connections wait for a free one', async () => {
    const asked = [ask('/1'), ask('/2'), ask('/3')];
    await arrived(2);
    expect(requests.map(({ text }) => text.slice(0, 6))).toEqual(['GET /1', 'GET /2']);
    requests[0]!.socket.write(OK);
    const third = await arrived(3);
    expect(third.text).toContain('GET /3');
    third.socket.write(OK);
    requests[1]!.socket.write(OK);
    await expect(Promise.all(asked.map(({ answer }) => answer))).resolves.toEqual(['ok', 'ok', 'ok']);
    expect(sockets).toHaveLength(2);
  });

  it('repeats a request when a kept connection is closed without an answer, but not on a new one', async () => {
    const first = ask();
    const { socket } = await arrived(1);
    socket.write(OK);
    await first.answer;
    const second = ask();
    (await arrived(2)).socket.destroy();
    const repeated = await arrived(3);
    expect(repeated.socket).not.toBe(socket);
    repeated.socket.destroy();
    await expect(second.answer).rejects.toThrow('closed');
  });

  it('fails when the response breaks off or is no HTTP, and does not reuse the connection', async () => {
    const broken = ask();
    (await arrived(1)).socket.end(OK.slice(0, -1));
    await expect(broken.answer).rejects.toThrow('closed');
    const strange = ask();
    (await arrived(2)).socket.write('220 mail.example.org ESMTP\r\n\r\n');
    await expect(strange.answer).rejects.toThrow('status line');
    const twice = ask();
    (await arrived(3)).socket.write(OK + OK);
    await expect(twice.answer).resolves.toBe('ok');
    const last = ask();
    (await arrived(4)).socket.write(OK);
    await expect(last.answer).resolves.toBe('ok');
    expect(sockets).toHaveLength(4);
  });

  it.each(['HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged', 'more'])(
    'gives nobody what is read after the end of a response (%#)',
    async (more) => {
      pool = new RequestPool(dial, 1);
      const asked = [ask('/1'), ask('/2')];
      const first = await arrived(1);
      // Read as two pieces, one right after the other.
      const [connection] = dialled;
      connection!.emit('data', Buffer.from(OK));
      connection!.emit('data', Buffer.from(more));
      const second = await arrived(2);
      expect(second.socket === first.socket).toBe(false);
      second.socket.write(OK);
      await expect(Promise.all(asked.map(({ answer }) => answer))).resolves.toEqual(['ok', 'ok']);
    },
  );

  it('closes the connection of a request that is given up, and drops one that still waits', async () => {
    const running = ask();
    const { socket } = await arrived(1);
    running.abort();
    await expect(running.answer).rejects.toThrow('given up');
    await once(socket, 'close');
    const [one, two, three, four] = [ask('/1'), ask('/2'), ask('/3'), ask('/4')];
    await arrived(3);
    three.abort();
    for (const { socket: each } of requests.slice(1)) each.write(OK);
    const last = await arrived(4);
    expect(last.text).toContain('GET /4');
    last.socket.write(OK);
    await expect(Promise.all([one.answer, two.answer, four.answer])).resolves.toEqual(['ok', 'ok', 'ok']);
    await expect(three.answer).rejects.toThrow('given up');
  });

  it('sends nothing that would be read as another request', async () => {
    await expect(ask('/a b').answer).rejects.toThrow('invalid');
    await expect(ask('/', ['x-own', 'a\r\nx-other: b']).answer).rejects.toThrow('invalid');
    expect(requests).toEqual([]);
  });

  it('fails what it has when it is destroyed', async () => {
    const asked = [ask('/1'), ask('/2'), ask('/3')];
    await arrived(2);
    pool.destroy();
    for (const { answer } of asked) await expect(answer).rejects.toThrow('closed');
  });

  it('passes on why it cannot connect', async () => {
    const refused = new Error('refused');
    const other = new RequestPool(() => Promise.reject(refused), 2);
    const failed = new Promise((resolve) =>
      other.dispatch({ method: 'GET', path: '/', headers: [] }, { onResponseError: (_, error) => resolve(error) }),
    );
    await expect(failed).resolves.toBe(refused);
  });
});
