import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerCreateOptions } from 'dockerode';

export interface EngineCall {
  method: string;
  /** Without the version in front and the query behind. */
  path: string;
  query: string;
}

/** A Unix socket in front of the engine's own that writes down what goes through it. */
export class EngineProxy {
  readonly calls: EngineCall[] = [];
  /** Body of the container creation that came last. */
  lastCreation: ContainerCreateOptions | undefined;
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly socketPath: string,
    private readonly folder: string,
    private readonly server: Server,
  ) {}

  static async start(engineSocket: string): Promise<EngineProxy> {
    const folder = await mkdtemp(join(tmpdir(), 'devforge-bench-'));
    const server = createServer();
    const proxy = new EngineProxy(join(folder, 'docker.sock'), folder, server);
    server.on('request', (from: IncomingMessage, to: ServerResponse) => proxy.forward(engineSocket, from, to));
    server.on('upgrade', (from: IncomingMessage, client: Socket, head: Buffer) =>
      proxy.hijack(engineSocket, from, client, head),
    );
    server.on('connection', (socket: Socket) => {
      proxy.sockets.add(socket);
      socket.once('close', () => proxy.sockets.delete(socket));
    });
    server.listen(proxy.socketPath);
    await once(server, 'listening');
    return proxy;
  }

  async stop(): Promise<void> {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await rm(this.folder, { recursive: true, force: true });
  }

  private forward(socketPath: string, from: IncomingMessage, to: ServerResponse): void {
    const call = this.note(from);
    const { method, url, headers } = from;
    const upstream = request({ socketPath, method, path: url, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      // An event stream is open before its first event.
      to.flushHeaders();
      answer.pipe(to);
      answer.on('error', () => to.destroy());
    });
    upstream.on('error', () => to.destroy());
    to.on('close', () => upstream.destroy());
    if (call.method === 'POST' && call.path === '/containers/create') this.record(from);
    from.pipe(upstream);
  }

  private hijack(socketPath: string, from: IncomingMessage, client: Socket, head: Buffer): void {
    this.note(from);
    const engine = connect(socketPath, () => {
      const fields = Array.from(
        { length: from.rawHeaders.length / 2 },
        (_, index) => `${from.rawHeaders[2 * index]}: ${from.rawHeaders[2 * index + 1]}\r\n`,
      );
      engine.write(`${from.method} ${from.url} HTTP/1.1\r\n${fields.join('')}\r\n`);
      engine.write(head);
      engine.pipe(client).pipe(engine);
    });
    for (const [socket, other] of [
      [client, engine],
      [engine, client],
    ] as const)
      socket.on('error', () => other.destroy()).on('close', () => other.destroy());
  }

  private note({ method = '', url = '' }: IncomingMessage): EngineCall {
    const [path = '', query = ''] = url.replace(/^\/v[0-9.]+(?=\/)/, '').split('?');
    const call = { method, path, query };
    this.calls.push(call);
    return call;
  }

  private record(from: IncomingMessage): void {
    const chunks: Buffer[] = [];
    from.on('data', (chunk: Buffer) => chunks.push(chunk));
    from.on(
      'end',
      () => (this.lastCreation = JSON.parse(Buffer.concat(chunks).toString('utf8')) as ContainerCreateOptions),
    );
  }
}
