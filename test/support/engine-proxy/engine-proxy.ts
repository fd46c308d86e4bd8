import { once } from 'node:events';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { type EngineRequest, engineRequest, hasJsonBody, readAll, type RequestMatcher } from './engine-request.js';
import type { Hold, When } from './hold.js';
import { Rules } from './rules.js';

/**
 * pass: everything reaches the engine. refuse: nothing listens on the socket. hang: connections are accepted and never
 * answered, those under way included. fail: each request is answered with 500. half: lists lack their second half.
 */
export type EngineMode = 'pass' | 'refuse' | 'hang' | 'fail' | 'half';

/** A request whose answer or stream is not over. */
interface Exchange {
  request: EngineRequest;
  cut(): void;
  stall(): void;
}

/** A Unix socket in front of the engine's own. It counts what passes and can misbehave for the one server that uses it. */
export class EngineProxy {
  /** Every request so far, whatever became of it. */
  readonly requests: EngineRequest[] = [];
  private mode: EngineMode = 'pass';
  private readonly rules = new Rules();
  private readonly server: Server;
  private readonly sockets = new Set<Duplex>();
  private readonly exchanges = new Set<Exchange>();

  private constructor(
    private readonly folder: string,
    private readonly target: string,
  ) {
    this.server = createServer(
      (incoming, outgoing) => void this.serve(incoming, outgoing).catch(() => outgoing.destroy()),
    );
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket: Socket) => this.track(socket));
    this.server.on(
      'upgrade',
      (incoming: IncomingMessage, socket: Duplex, head: Buffer) => void this.upgrade(incoming, socket, head),
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

  /** The settings that make a server use this socket. */
  get env(): Record<string, string> {
    return { DOCKER_HOST: '', DOCKER_SOCKET_PATH: this.socketPath };
  }

  /** Exchanges under way stall when the mode becomes `hang` and are cut when it becomes any other. */
  async set(mode: EngineMode): Promise<void> {
    const before = this.mode;
    this.mode = mode;
    if (mode === before) return;
    // Leaving `hang` cuts them as well: parts of their answers were discarded.
    if (mode === 'hang') for (const socket of this.sockets) socket.pause();
    else for (const socket of this.sockets) socket.destroy();
    if (mode === 'refuse') await this.unlisten();
    else if (before === 'refuse') await this.listen();
  }

  /** Holds the next such request: before the engine sees it, or after the engine executed it and before it is answered. */
  hold(matches: RequestMatcher, when: When): Hold {
    return this.rules.hold(matches, when);
  }

  /** Answers such requests in the engine's place until {@link reset}. */
  fail(matches: RequestMatcher, status: number, message: string): void {
    this.rules.fail(matches, { status, message });
  }

  /** Passes such requests on after `ms` milliseconds, until {@link reset}. */
  delay(matches: RequestMatcher, ms: number): void {
    this.rules.delay(matches, ms);
  }

  /** How many such requests there were. */
  count(matches: RequestMatcher): number {
    return this.requests.filter(matches).length;
  }

  /** Breaks the connections of such requests under way. @returns how many */
  cut(matches: RequestMatcher): number {
    const matching = this.underWay(matches);
    for (const exchange of matching) {
      exchange.cut();
      this.exchanges.delete(exchange);
    }
    return matching.length;
  }

  /** Discards what the engine sends on such requests under way; their connections stay open. @returns how many */
  stall(matches: RequestMatcher): number {
    const matching = this.underWay(matches);
    for (const exchange of matching) exchange.stall();
    return matching.length;
  }

  /** Forgets holds, failures and delays. A request that was held on its way to the engine never gets there. */
  reset(): void {
    this.rules.reset();
  }

  async close(): Promise<void> {
    this.reset();
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

  private underWay(matches: RequestMatcher): Exchange[] {
    return [...this.exchanges].filter(({ request }) => matches(request));
  }

  private async serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const content = hasJsonBody(incoming) ? await readAll(incoming) : undefined;
    const request = engineRequest(incoming, content);
    this.requests.push(request);
    const { mode } = this;
    if (mode === 'hang') return;
    if (mode === 'fail') return answer(outgoing, 500, { message: 'the engine fails in this test' });
    const halved = mode === 'half' && request.method === 'GET' && /^\/(containers\/json|volumes)$/.test(request.path);
    let response: IncomingMessage | undefined;
    const exchange = {
      request,
      cut: () => void outgoing.destroy(),
      stall: () => void response?.unpipe(outgoing).resume(),
    };
    this.exchanges.add(exchange);
    outgoing.once('close', () => this.exchanges.delete(exchange));
    const { failure, dropped, hold } = await this.rules.apply(request);
    if (failure !== undefined) return answer(outgoing, failure.status, { message: failure.message });
    if (dropped) return void outgoing.destroy();
    const forwarded = httpRequest({
      socketPath: this.target,
      method: request.method,
      path: incoming.url,
      headers: incoming.headers,
      agent: false,
    });
    forwarded.on('error', () => outgoing.destroy());
    forwarded.on('socket', (socket) => this.track(socket));
    outgoing.on('close', () => forwarded.destroy());
    if (content === undefined) incoming.pipe(forwarded);
    else forwarded.end(content);
    [response] = (await once(forwarded, 'response')) as [IncomingMessage];
    response.on('error', () => outgoing.destroy());
    if (hold !== undefined && (await hold.arrive(request)) === 'drop') return void outgoing.destroy();
    if (this.mode === 'hang') return;
    if (halved) return answerHalf(response, outgoing);
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    // An event stream is open before its first event.
    outgoing.flushHeaders();
    response.pipe(outgoing);
  }

  /** An exec or an attach: after the head both sides write at will. */
  private async upgrade(incoming: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const request = engineRequest(incoming);
    this.requests.push(request);
    if (this.mode === 'hang') return;
    const { failure, dropped } = this.mode === 'fail' ? { failure: { status: 500 } } : await this.rules.apply(request);
    if (failure !== undefined) return void client.end(`HTTP/1.1 ${failure.status} Failed\r\nContent-Length: 0\r\n\r\n`);
    if (dropped) return void client.destroy();
    const engine = this.track(connect(this.target));
    const headers = incoming.rawHeaders.flatMap((name, index, all) =>
      index % 2 === 0 ? [`${name}: ${all[index + 1]}`] : [],
    );
    engine.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    engine.write(head);
    engine.pipe(client).pipe(engine);
    const exchange = {
      request,
      cut: () => void client.destroy(),
      stall: () => void engine.unpipe(client).resume(),
    };
    this.exchanges.add(exchange);
    engine.once('close', () => client.destroy());
    client.once('close', () => {
      this.exchanges.delete(exchange);
      engine.destroy();
    });
  }
}

async function answerHalf(response: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = JSON.parse((await readAll(response)).toString('utf8')) as unknown[] | { Volumes: unknown[] | null };
  const half = <Item>(items: Item[]): Item[] => items.slice(0, Math.floor(items.length / 2));
  answer(outgoing, 200, Array.isArray(body) ? half(body) : { ...body, Volumes: half(body.Volumes ?? []) });
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
