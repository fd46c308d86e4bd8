import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { DirectEndpoint } from './direct-endpoint.js';
import { ProcessStream } from './process-stream.js';
import { type TunnelTarget, ConnectionRefusedError } from './tunnel-target.js';

const STREAM_WINDOW = 1024 * 1024;
const PING_MS = 15_000;
const PATIENCE_MS = 10_000;
/** An address that cannot be reached may not answer at all. */
const DOOR_PATIENCE_MS = 500;

/**
 * Connections into one container: HTTP/2 over one process in it, each connection a CONNECT of its own; or, where the
 * container's address can be reached, through that process's door, which spares the engine every byte.
 */
export class Tunnel {
  private readonly session: ClientHttp2Session;
  private readonly pings: NodeJS.Timeout;
  private door: DirectEndpoint | undefined;
  /** The editor's own, which spares the process in the container as well. */
  private editorDoor: DirectEndpoint | undefined;
  /** Connections through the door. */
  private readonly sockets = new Set<Duplex>();

  private constructor(
    private readonly process: WorkspaceProcess,
    private readonly address?: string,
  ) {
    this.session = connect('http://tunnel', {
      createConnection: () => new ProcessStream(process),
      settings: { initialWindowSize: STREAM_WINDOW, enablePush: false },
    });
    this.session.on('error', () => this.close());
    this.session.on('close', () => this.close());
    this.pings = setInterval(() => this.ping(), PING_MS);
    this.pings.unref();
  }

  /**
   * @param address the container's, if it has one
   * @throws Error when the program in the container does not answer
   */
  static async over(process: WorkspaceProcess, address?: string): Promise<Tunnel> {
    process.stderr.resume();
    const tunnel = new Tunnel(process, address);
    try {
      await once(tunnel.session, 'remoteSettings', { signal: AbortSignal.timeout(PATIENCE_MS) });
      if (address !== undefined) await tunnel.findDoor();
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
  async dial(end: TunnelTarget): Promise<Duplex> {
    const socket = (end === 'editor' ? await this.throughEditorDoor() : null) ?? (await this.throughDoor(end));
    if (socket !== null) return this.keep(socket);
    const stream = this.session.request({
      ':method': 'CONNECT',
      ':authority': end === 'editor' ? end : `localhost:${end}`,
    });
    const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
    if (headers[':status'] === 200) return asSocket(stream);
    stream.on('error', () => undefined).close();
    throw new ConnectionRefusedError(end, String(headers['x-error'] ?? 'REFUSED'));
  }

  close(): void {
    clearInterval(this.pings);
    this.session.destroy();
    this.process.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private async throughDoor(end: TunnelTarget): Promise<Duplex | null> {
    try {
      return (await this.door?.dial(end)) ?? null;
    } catch (error) {
      if (error instanceof ConnectionRefusedError) throw error;
      this.door = undefined;
      return null;
    }
  }

  /** Where it leads nowhere, the editor may have started anew, with another. */
  private async throughEditorDoor(): Promise<Duplex | null> {
    if (this.door === undefined) return null;
    try {
      this.editorDoor ??= await this.doorAt('/door/editor');
      return (await this.editorDoor?.dial('editor')) ?? null;
    } catch {
      this.editorDoor = undefined;
      return null;
    }
  }

  private async findDoor(): Promise<void> {
    const door = await this.doorAt('/door');
    if (await door?.isReachable(DOOR_PATIENCE_MS)) this.door = door;
  }

  private async doorAt(path: string): Promise<DirectEndpoint | undefined> {
    const stream = this.session.request({ ':path': path, ':authority': 'editor' });
    const [headers] = (await once(stream, 'response')) as [Record<string, string | number>];
    stream.on('error', () => undefined).close();
    // Containers of before have a program that takes this for something else.
    if (headers['x-port'] === undefined) return undefined;
    return new DirectEndpoint(this.address!, Number(headers['x-port']), String(headers['x-key']));
  }

  private keep(socket: Duplex): Duplex {
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    socket.once('end', () => socket.end());
    return socket;
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
