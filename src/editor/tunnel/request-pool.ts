import type { Duplex } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Exchange, type PlainRequest } from './exchange.js';
import { SiteConnection } from './site-connection.js';

/** Keeps connections to a site for further requests, all of safe methods and without a body. There are no time-outs, since a site may answer slowly. */
export class RequestPool {
  private readonly idle: SiteConnection[] = [];
  private readonly all = new Set<SiteConnection>();
  private readonly waiting: Exchange[] = [];
  private dialling = 0;
  private isDestroyed = false;

  constructor(
    private readonly dial: () => Promise<Duplex>,
    private readonly maxConnections: number,
  ) {}

  dispatch(request: PlainRequest, handler: Dispatcher.DispatchHandler): void {
    const exchange = new Exchange(request, handler);
    exchange.start();
    this.send(exchange);
  }

  destroy(): void {
    this.isDestroyed = true;
    for (const exchange of this.waiting.splice(0)) exchange.fail(new Error('the connection to the site was closed'));
    for (const connection of this.all) connection.destroy();
  }

  private send(exchange: Exchange): void {
    if (exchange.aborted) return;
    const free = this.idle.pop();
    if (free !== undefined) return free.send(exchange);
    this.waiting.push(exchange);
    this.dialMore();
  }

  private dialMore(): void {
    if (this.dialling >= this.waiting.length || this.all.size + this.dialling >= this.maxConnections) return;
    this.dialling++;
    this.dial().then(
      (socket) => {
        this.dialling--;
        this.add(socket);
      },
      (error: unknown) => {
        this.dialling--;
        this.next()?.fail(error as Error);
        this.dialMore();
      },
    );
  }

  private add(socket: Duplex): void {
    let isFirst = true;
    const connection = new SiteConnection(
      socket,
      () => {
        isFirst = false;
        this.use(connection);
      },
      (unanswered, error) => {
        this.remove(connection);
        if (unanswered === null) return this.dialMore();
        // The site may have closed a connection that was kept just before the request arrived.
        if (isFirst || this.isDestroyed) unanswered.fail(error);
        else this.send(unanswered);
      },
    );
    this.all.add(connection);
    if (this.isDestroyed) connection.destroy();
    else this.use(connection);
  }

  private use(connection: SiteConnection): void {
    const next = this.next();
    if (next !== undefined) return connection.send(next);
    connection.wait();
    this.idle.push(connection);
  }

  private remove(connection: SiteConnection): void {
    this.all.delete(connection);
    const at = this.idle.indexOf(connection);
    if (at >= 0) this.idle.splice(at, 1);
  }

  /** The next request that is still wanted. */
  private next(): Exchange | undefined {
    for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift())
      if (!next.aborted) return next;
    return undefined;
  }
}
