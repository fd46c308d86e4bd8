import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { ProgramProcess } from '../../workspace/programs/program-process.js';
import { ProgramStream } from '../../workspace/programs/program-stream.js';
import { DirectEndpoint } from './direct-endpoint.js';
import { type TunnelTarget, ConnectionRefusedError } from './tunnel-target.js';

const STREAM_WINDOW_BYTES = 1024 * 1024;
const PING_MS = 15_000;
const TIMEOUT_MS = 10_000;
/** Packets to an address that cannot be reached may be dropped silently, so this is short. */
const REACHABILITY_TIMEOUT_MS = 500;

/**
 * Connections into one container. Each is an HTTP/2 CONNECT over the input and output of a program in it; or, where the
 * container's address can be reached, a TCP connection to the direct endpoint of that program, which spares the engine the
 * traffic.
 */
export class Tunnel {
  private readonly session: ClientHttp2Session;
  private readonly pings: NodeJS.Timeout;
  private endpoint: DirectEndpoint | undefined;
  /** The endpoint in the editor's own process, which spares the program the traffic as well. */
  private editorEndpoint: DirectEndpoint | undefined;
  /** Connections to direct endpoints. */
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly program: ProgramProcess,
    private readonly address?: string,
  ) {
    this.session = connect('http://tunnel', {
      createConnection: () => new ProgramStream(program),
      settings: { initialWindowSize: STREAM_WINDOW_BYTES, enablePush: false },
    });
    this.session.on('error', () => this.close());
    this.session.on('close', () => this.close());
    this.pings = setInterval(() => this.ping(), PING_MS);
    this.pings.unref();
  }

  /**
   * @param address of the container, if it has one
   * @throws Error when the program in the container does not answer
   */
  static async over(program: ProgramProcess, address?: string): Promise<Tunnel> {
    const tunnel = new Tunnel(program, address);
    try {
      await once(tunnel.session, 'remoteSettings', { signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (address !== undefined) await tunnel.findEndpoint();
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

  /** @throws ConnectionRefusedError when nothing listens at the target */
  async dial(target: TunnelTarget): Promise<Duplex> {
    const socket = (target === 'editor' ? await this.dialEditorEndpoint() : null) ?? (await this.dialEndpoint(target));
    if (socket !== null) return this.track(socket);
    const stream = this.session.request({
      ':method': 'CONNECT',
      ':authority': target === 'editor' ? target : `localhost:${target}`,
    });
    const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
    if (headers[':status'] === 200) return asSocket(stream);
    stream.on('error', () => undefined).close();
    throw new ConnectionRefusedError(target, String(headers['x-error'] ?? 'REFUSED'));
  }

  close(): void {
    clearInterval(this.pings);
    this.session.destroy();
    this.program.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async dialEndpoint(target: TunnelTarget): Promise<Duplex | null> {
    try {
      return (await this.endpoint?.dial(target)) ?? null;
    } catch (error) {
      if (error instanceof ConnectionRefusedError) throw error;
      this.endpoint = undefined;
      return null;
    }
  }

  /** When the endpoint cannot be reached, the editor may have been restarted and have a new one. */
  private async dialEditorEndpoint(): Promise<Duplex | null> {
    if (this.endpoint === undefined) return null;
    try {
      this.editorEndpoint ??= await this.requestEndpoint('/door/editor');
      return (await this.editorEndpoint?.dial('editor')) ?? null;
    } catch {
      this.editorEndpoint = undefined;
      return null;
    }
  }

  private async findEndpoint(): Promise<void> {
    const endpoint = await this.requestEndpoint('/door');
    if (await endpoint?.isReachable(REACHABILITY_TIMEOUT_MS)) this.endpoint = endpoint;
  }

  private async requestEndpoint(path: string): Promise<DirectEndpoint | undefined> {
    const stream = this.session.request({ ':path': path, ':authority': 'editor' });
    const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
    stream.on('error', () => undefined).close();
    // Older images have a program without direct endpoints, which answers this like a CONNECT.
    if (headers['x-port'] === undefined) return undefined;
    return new DirectEndpoint(this.address!, Number(headers['x-port']), String(headers['x-key']));
  }

  private track(socket: Duplex): Duplex {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.once('end', () => socket.end());
    return socket;
  }

  private ping(): void {
    const timeout = setTimeout(() => this.close(), TIMEOUT_MS);
    timeout.unref();
    if (!this.session.closed && !this.session.destroyed) this.session.ping(() => clearTimeout(timeout));
  }
}

/** Adds what HTTP agents expect of a TCP socket: methods that set its options, and an end of both directions at once. */
function asSocket(stream: ClientHttp2Stream): Duplex {
  stream.on('error', () => stream.close(constants.NGHTTP2_CANCEL));
  stream.once('end', () => stream.end());
  const self = (): Duplex => stream;
  return Object.assign(stream, { setNoDelay: self, setKeepAlive: self, ref: self, unref: self });
}
