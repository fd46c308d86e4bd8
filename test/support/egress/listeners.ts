import { createHash, randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type Server as HttpServer } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { TestAuthority } from '../git/certificate.js';

const CHUNK = randomBytes(64 * 1024);

function* chunks(bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= CHUNK.length) yield CHUNK.subarray(0, left);
}

/** The SHA-256 of what `/bytes/<n>` answers with, and `/length/<n>`, which says how much it is. */
export function hashOfBytes(bytes: number): string {
  const hash = createHash('sha256');
  for (const chunk of chunks(bytes)) hash.update(chunk);
  return hash.digest('hex');
}

/** What a request to one of the servers was. */
export interface Seen {
  /** The TLS server name, if any. */
  name: string | null;
  host: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
}

/** Servers on this machine for workspaces to reach, and listeners that nothing must reach. */
export class Listeners {
  readonly seen: Seen[] = [];
  /** Connections and datagrams that arrived where nothing must arrive, in text. */
  readonly reached: string[] = [];

  private constructor(
    readonly https: HttpsServer,
    readonly http: HttpServer,
    private readonly canary: Server,
    private readonly datagrams: UdpSocket,
    private readonly folder: string,
  ) {}

  static async open(host: string): Promise<Listeners> {
    const folder = await mkdtemp(join(tmpdir(), 'devforge-egress-'));
    const authority = await TestAuthority.open(folder);
    const https = createHttpsServer(await authority.issue(['localhost', host]));
    const [http, canary, datagrams] = [createHttpServer(), createTcpServer(), createSocket('udp4')];
    const listeners = new Listeners(https, http, canary, datagrams, folder);
    listeners.serve();
    for (const server of [https, http, canary]) await once(server.listen(0, '0.0.0.0'), 'listening');
    await once(datagrams.bind(listeners.canaryPort, '0.0.0.0'), 'listening');
    return listeners;
  }

  get httpsPort(): number {
    return (this.https.address() as AddressInfo).port;
  }

  get httpPort(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /** TCP and UDP: nothing must arrive here. */
  get canaryPort(): number {
    return (this.canary.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.datagrams.close();
    for (const server of [this.https, this.http]) server.closeAllConnections();
    await Promise.all([this.https, this.http, this.canary].map((server) => new Promise((end) => server.close(end))));
    await rm(this.folder, { recursive: true, force: true });
  }

  private serve(): void {
    this.https.on('tlsClientError', () => undefined);
    for (const server of [this.https, this.http]) {
      server.on('request', (request, response) => {
        const name = (request.socket as TLSSocket).servername;
        const { host, ...headers } = request.headers;
        this.seen.push({ name: typeof name === 'string' ? name : null, host, url: request.url, headers });
        const redirect = /^\/redirect\/(.+)$/.exec(request.url ?? '')?.[1];
        const [, form, size] = /^\/(bytes|length)\/(\d+)$/.exec(request.url ?? '') ?? [];
        const bytes = Number(size);
        if (form === 'length') response.setHeader('content-length', bytes);
        if (bytes > 0) pipeline(Readable.from(chunks(bytes)), response, () => undefined);
        else if (redirect !== undefined) response.writeHead(302, { location: decodeURIComponent(redirect) }).end();
        else response.end('reached\n');
      });
    }
    this.canary.on('connection', (socket: Socket) => {
      this.reached.push(`TCP from ${socket.remoteAddress}`);
      socket.on('error', () => undefined).end('reached\n');
    });
    this.datagrams.on('message', (_message, { address }) => this.reached.push(`UDP from ${address}`));
  }
}
