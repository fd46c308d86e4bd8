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
import { Hold, type When } from './hold.js';

export interface GateRequest {
  method: string;
  /** Path and query, without the version. */
  url: string;
  /** What was sent as JSON. */
  body: Record<string, unknown> | undefined;
}

export type Matcher = (request: GateRequest) => boolean;

interface Rule {
  matches: Matcher;
  hold: Hold;
}

interface Refusal {
  matches: Matcher;
  status: number;
  message: string;
}

const VERSION = /^\/v[\d.]+(?=\/)/;

/** A Unix socket before the engine's own, at which single requests can be held, on their way there or on their way back. */
export class EngineGate {
  /** Every request so far, whatever became of it. */
  readonly requests: GateRequest[] = [];
  private rules: Rule[] = [];
  private refusals: Refusal[] = [];
  private readonly server: Server;
  private readonly sockets = new Set<Duplex>();
  private readonly underWay = new Map<ServerResponse, GateRequest>();
  private readonly answers = new WeakMap<ServerResponse, IncomingMessage>();

  private constructor(
    private readonly folder: string,
    private readonly target: string,
  ) {
    this.server = createServer(
      (incoming, outgoing) => void this.serve(incoming, outgoing).catch(() => outgoing.destroy()),
    );
    this.server.requestTimeout = 0;
    this.server.on('connection', (socket: Socket) => this.track(socket));
    this.server.on('upgrade', (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.upgrade(incoming, socket, head),
    );
  }

  /** @param target the engine's socket */
  static async start(target = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock'): Promise<EngineGate> {
    const gate = new EngineGate(await realpath(await mkdtemp(join(tmpdir(), 'devforge-gate-'))), target);
    gate.server.listen(gate.socketPath);
    await once(gate.server, 'listening');
    return gate;
  }

  get socketPath(): string {
    return join(this.folder, 'docker.sock');
  }

  /** The settings that send a server here. */
  get env(): Record<string, string> {
    return { DOCKER_HOST: '', DOCKER_SOCKET_PATH: this.socketPath };
  }

  /** Holds the next request of this kind: before the engine sees it, or after the engine did it and before its answer is passed back. */
  hold(matches: Matcher, when: When): Hold {
    const hold = new Hold(when);
    this.rules.push({ matches, hold });
    return hold;
  }

  /** Answers such requests itself until {@link reset}; the engine never sees them. */
  refuse(matches: Matcher, status: number, message: string): void {
    this.refusals.push({ matches, status, message });
  }

  /** Breaks the connections of such requests that are under way. */
  cut(matches: Matcher): number {
    const cut = [...this.underWay].filter(([, request]) => matches(request));
    for (const [outgoing] of cut) outgoing.destroy();
    return cut.length;
  }

  /** Lets nothing more through of such requests that are under way; their connections stay open, as where the other side vanished. */
  stall(matches: Matcher): number {
    const stalled = [...this.underWay].filter(([, request]) => matches(request));
    for (const [outgoing] of stalled) this.answers.get(outgoing)?.unpipe(outgoing).resume();
    return stalled.length;
  }

  /** Nothing is held or refused any more. What was held on its way to the engine never gets there. */
  reset(): void {
    for (const { hold } of this.rules.splice(0)) hold.drop();
    this.refusals = [];
  }

  async close(): Promise<void> {
    this.reset();
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await closed;
    await rm(this.folder, { recursive: true, force: true });
  }

  private async serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const content = isJson(incoming) ? await read(incoming) : undefined;
    const request = this.note(incoming, content);
    this.underWay.set(outgoing, request);
    outgoing.once('close', () => this.underWay.delete(outgoing));
    const refusal = this.refusals.find(({ matches }) => matches(request));
    if (refusal !== undefined) {
      return void outgoing
        .writeHead(refusal.status, { 'content-type': 'application/json' })
        .end(JSON.stringify({ message: refusal.message }));
    }
    const hold = this.holdFor(request);
    if (hold?.when === 'before' && (await hold.arrive(request)) === 'drop') return void outgoing.destroy();
    const forwarded = httpRequest(
      { socketPath: this.target, method: request.method, path: incoming.url, headers: incoming.headers, agent: false },
      (response) => {
        this.passBack(response, outgoing, request, hold).catch(() => outgoing.destroy());
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    forwarded.on('socket', (socket) => this.track(socket));
    outgoing.on('close', () => forwarded.destroy());
    if (content === undefined) incoming.pipe(forwarded);
    else forwarded.end(content);
  }

  private async passBack(
    response: IncomingMessage,
    outgoing: ServerResponse,
    request: GateRequest,
    hold: Hold | undefined,
  ): Promise<void> {
    if (hold?.when === 'after' && (await hold.arrive(request)) === 'drop') return void outgoing.destroy();
    outgoing.writeHead(response.statusCode ?? 502, response.headers);
    outgoing.flushHeaders();
    response.on('error', () => outgoing.destroy());
    this.answers.set(outgoing, response);
    response.pipe(outgoing);
  }

  /** An exec or an attach: after the head both sides talk at will. */
  private upgrade(incoming: IncomingMessage, client: Duplex, head: Buffer): void {
    this.note(incoming, undefined);
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

  private holdFor(request: GateRequest): Hold | undefined {
    const index = this.rules.findIndex(({ matches, hold }) => !hold.taken && matches(request));
    const hold = this.rules[index]?.hold;
    if (hold !== undefined) hold.taken = true;
    return hold;
  }

  private note(incoming: IncomingMessage, content: Buffer | undefined): GateRequest {
    const body =
      content === undefined || content.length === 0
        ? undefined
        : (JSON.parse(content.toString('utf8')) as Record<string, unknown>);
    const request = { method: incoming.method ?? '', url: (incoming.url ?? '').replace(VERSION, ''), body };
    this.requests.push(request);
    return request;
  }

  private track<Stream extends Duplex>(socket: Stream): Stream {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.sockets.delete(socket));
    return socket;
  }
}

function isJson({ headers }: IncomingMessage): boolean {
  return headers['content-type']?.startsWith('application/json') ?? false;
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
