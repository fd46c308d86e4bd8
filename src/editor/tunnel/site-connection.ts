import type { Duplex } from 'node:stream';
import { MAX_HEADER_BYTES } from '../../common/limits.js';
import { type Exchange, requestHead } from './exchange.js';
import { ResponseParser } from './response-parser.js';

/** How long a connection is kept for another request, unless the site says that it keeps it for a shorter time. */
const KEEP_MS = 4_000;
/** By how much sooner than the site a connection is closed: a request may be on its way. */
const MARGIN_MS = 1_000;

/** A connection to a site, for one request after the other. */
export class SiteConnection {
  private readonly parser = new ResponseParser(
    {
      onHead: (head) => this.exchange?.receiveHead(head),
      onData: (chunk) => this.exchange?.receiveData(chunk),
      onEnd: () => this.exchange?.end(),
    },
    MAX_HEADER_BYTES,
  );
  private exchange: Exchange | null = null;
  private idle: NodeJS.Timeout | undefined;
  private keepMs = KEEP_MS;
  private error: Error | undefined;
  private isClosed = false;
  /**
   * Whether a response has ended in this turn of the event loop. What arrived with it and nobody asked for must not be read
   * as the answer to the next request, which is therefore sent in the next turn.
   */
  private isSettling = false;

  /**
   * @param onFree called when another request may be sent
   * @param onClose called once, with the request that got nothing of its response, if there is one
   */
  constructor(
    private readonly socket: Duplex,
    private readonly onFree: () => void,
    private readonly onClose: (unanswered: Exchange | null, error: Error) => void,
  ) {
    socket.on('data', (chunk: Buffer) => this.receive(chunk));
    socket.once('end', () => this.endResponse());
    socket.on('error', (error: Error) => (this.error ??= error));
    socket.once('close', () => this.close());
    socket.resume();
  }

  /** Sends a request over the connection, which must be free. */
  send(exchange: Exchange): void {
    clearTimeout(this.idle);
    this.idle = undefined;
    this.exchange = exchange;
    exchange.connection = {
      destroy: () => this.destroy(),
      pause: () => this.socket.pause(),
      resume: () => this.socket.resume(),
    };
    if (!this.isSettling) this.write();
  }

  /** Closes the connection unless it is used soon. */
  wait(): void {
    this.idle = setTimeout(() => this.destroy(), this.keepMs).unref();
  }

  destroy(): void {
    this.socket.destroy();
    this.close();
  }

  private write(): void {
    const { exchange } = this;
    if (exchange === null) return;
    this.parser.begin(exchange.request.method);
    try {
      this.socket.write(requestHead(exchange.request), 'latin1');
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private receive(chunk: Buffer): void {
    const { exchange } = this;
    if (exchange === null || this.isSettling) return this.destroy();
    exchange.hasBegun = true;
    try {
      this.parser.push(chunk);
    } catch (error) {
      return this.fail(error as Error);
    }
    if (this.parser.isOver && !this.isClosed) this.release();
  }

  /** The end of the connection may be that of the response. */
  private endResponse(): void {
    if (this.exchange !== null && this.parser.end()) this.exchange = null;
    this.destroy();
  }

  private release(): void {
    if (this.exchange!.paused) this.socket.resume();
    this.exchange!.connection = null;
    this.exchange = null;
    const { keepAliveMs = Infinity, isPersistent } = this.parser;
    this.keepMs = Math.min(KEEP_MS, keepAliveMs - MARGIN_MS);
    if (!isPersistent || this.keepMs <= 0) return this.destroy();
    this.isSettling = true;
    setImmediate(() => {
      this.isSettling = false;
      if (!this.isClosed) this.write();
    });
    this.onFree();
  }

  private fail(error: Error): void {
    this.error ??= error;
    this.exchange?.fail(error);
    this.exchange = null;
    this.destroy();
  }

  private close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearTimeout(this.idle);
    const { exchange } = this;
    this.exchange = null;
    const error = this.error ?? new Error('the site closed the connection');
    if (exchange === null || !exchange.hasBegun) return this.onClose(exchange, error);
    exchange.fail(error);
    this.onClose(null, error);
  }
}
