import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';

/**
 * pass: everything reaches the engine. refuse: nobody listens. hang: taken and never answered, what is under way
 * included. fail: each request is answered 500. half: lists lack their second half.
 */
export type EngineMode = 'pass' | 'refuse' | 'hang' | 'fail' | 'half';

export interface EngineRequest {
  method: string;
  /** Path and query, without the version. */
  url: string;
}

const VERSION = /^\/v[\d.]+(?=\/)/;

/** A Unix socket before the engine's own, at which the engine can be made to misbehave for one server alone. */
export class EngineProxy {
  /** Every request so far, whatever became of it. */
  readonly requests: EngineRequest[] = [];
  private mode: EngineMode = 'pass';
  private readonly server: Server;
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly folder: string,
    private readonly target: string,
  ) {
    this.server = createServer((incoming, outgoing) => this.serve(incoming, outgoing));
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket: Socket) => this.track(socket));
    this.server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.upgrade(incoming, socket, head),
    );
  }

  /** @param target the engine's socket */
  static async start(target = engineSocket()): Promise<EngineProxy> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'devforge-engine-')));
    const proxy = new EngineProxy(folder, target);
    await proxy.listen();
    return proxy;
  }

  get socketPath(): string {
    return join(this.folder, 'docker.sock');
  }

  /** The settings that send a server here. */
  get env(): Record<string, string> {
    return { DOCKER_HOST: '', DOCKER_SOCKET_PATH: this.socketPath };
  }

  /** What is under way goes on when the engine passes, is cut off when it refuses, fails or halves, and stalls when it hangs. */
  async set(mode: EngineMode): Promise<void> {
    const before = this.mode;
    this.mode = mode;
    if (mode === before) return;
    // What hung is cut off as well: its answers were thrown away.
    if (mode === 'hang') for (const socket of this.sockets) socket.pause();
    else for (const socket of this.sockets) socket.destroy();
    if (mode === 'refuse') await this.unlisten();
    else if (before === 'refuse') await this.listen();
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    if (this.server.listening) await this.unlisten();
    await rm(this.folder, { recursive: true, force: true });
  }

  private async listen(): Promise<void> {
    this.server.listen(this.socketPath);
    await once(this.server, 'listening');
  }

  private async unlisten(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private track<Stream extends Duplex>(socket: Stream): Stream {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }

  private serve(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method, url } = this.note(incoming);
    if (this.mode === 'hang') return;
    if (this.mode === 'fail') return answer(outgoing, 500, { message: 'the test wants this engine to fail' });
    const halved = this.mode === 'half' && method === 'GET' && /^\/(?:containers\/json|volumes(?:\?|$))/.test(url);
    const forwarded = request(
      { socketPath: this.target, method, path: incoming.url, headers: incoming.headers, agent: false },
      (response) => {
        if (halved) return void answerHalf(response, outgoing);
        outgoing.writeHead(response.statusCode ?? 502, response.headers);
        outgoing.flushHeaders();
        response.pipe(outgoing);
        response.on('error', () => outgoing.destroy());
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    forwarded.on('socket', (socket) => this.track(socket));
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  }

  /** An exec or an attach: after the head both sides talk at will. */
  private upgrade(incoming: IncomingMessage, client: Duplex, head: Buffer): void {
    this.note(incoming);
    if (this.mode === 'hang') return;
    if (this.mode === 'fail') return void client.end('HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n');
    const engine = this.track(connect(this.target));
    const headers = incoming.rawHeaders.flatMap((name, index, all) =>
      index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : [],
    );
    engine.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    engine.write(head);
    engine.pipe(client).pipe(engine);
    engine.once('close', () => client.destroy());
    client.once('close', () => engine.destroy());
  }

  private note(incoming: IncomingMessage): EngineRequest {
    const noted = { method: incoming.method ?? '', url: (incoming.url ?? '').replace(VERSION, '') };
    this.requests.push(noted);
    return noted;
  }
}

async function answerHalf(response: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = JSON.parse(await text(response)) as unknown[] | { Volumes: unknown[] | null };
  const half = <Item>(items: Item[]): Item[] => items.slice(0, Math.floor(items.length / 2));
  answer(outgoing, 200, Array.isArray(body) ? half(body) : { ...body, Volumes: half(body.Volumes ?? []) });
}

async function text(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function answer(outgoing: ServerResponse, status: number, body: unknown): void {
  outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Where Docker's own client would find it; the tests need an engine on this machine. */
function engineSocket(env = process.env): string {
  const host = env['DOCKER_HOST'];
  if (host?.startsWith('unix://')) return host.slice('unix://'.length);
  return env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
}
