import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { RuntimeProcess } from '../../runtime/container-runtime.js';
import { ProcessStream } from './process-stream.js';

const STREAM_WINDOW = 1024 * 1024;
const PING_MS = 15_000;
const PATIENCE_MS = 10_000;

/** What is reached in a container: its VS Code, or a port on its loopback. */
export type TunnelEnd = 'editor' | number;

/** Nothing listens there, or what listens does not take the connection. */
export class TunnelRefusal extends Error {
  constructor(
    readonly end: TunnelEnd,
    readonly code: string,
  ) {
    super(`${end === 'editor' ? 'VS Code' : `Port ${end}`} does not take the connection: ${code}`);
  }
}

/** Connections into one container: HTTP/2 over one process in it, each connection a CONNECT of its own. */
export class Tunnel {
  private readonly session: ClientHttp2Session;
  private readonly pings: NodeJS.Timeout;

  private constructor(private readonly process: RuntimeProcess) {
    this.session = connect('http://tunnel', {
      createConnection: () => new ProcessStream(process),
      settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
    });
    this.session.on('error', () => this.close());
    this.session.on('close', () => this.close());
    this.pings = setInterval(() => this.ping(), PING_MS);
    this.pings.unref();
  }

  /** @throws Error when the program in the container does not answer */
  static async over(process: RuntimeProcess): Promise<Tunnel> {
    process.stderr.resume();
    const tunnel = new Tunnel(process);
    try {
      await once(tunnel.session, 'remoteSettings', { signal: AbortSignal.timeout(PATIENCE_MS) });
      return tunnel;
    } catch (error) {
      tunnel.close();
      throw error;
    }
  }

  get closed(): boolean {
    return this.session.destroyed || this.session.closed;
  }

  onClose(listener: () => void): void {
    this.session.once('close', listener);
  }

  /** @throws TunnelRefusal when nothing listens there */
  async dial(end: TunnelEnd): Promise<Duplex> {
    const stream = this.session.request({ ':method': 'CONNECT', ':authority': end === 'editor' ? end : `localhost:${end}` });
    const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
    if (headers[':status'] === 200) return asSocket(stream);
    stream.on('error', () => undefined).close();
    throw new TunnelRefusal(end, String(headers['x-error'] ?? 'REFUSED'));
  }

  close(): void {
    clearInterval(this.pings);
    this.session.destroy();
    this.process.close();
  }

  private ping(): void {
    const silent = setTimeout(() => this.close(), PATIENCE_MS);
    silent.unref();
    if (!this.session.closed && !this.session.destroyed) this.session.ping(() => clearTimeout(silent));
  }
}

/** HTTP agents treat their connection as a TCP socket: they set its options, and take its end for both directions' end. */
function asSocket(stream: ClientHttp2Stream): Duplex {
  stream.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
  stream.once('end', () => stream.end());
  const self = (): Duplex => stream;
  return Object.assign(stream, { setNoDelay: self, setKeepAlive: self, ref: self, unref: self });
}
