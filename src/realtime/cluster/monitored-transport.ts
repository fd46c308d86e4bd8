import type { PinoLogger } from 'nestjs-pino';
import { ClusterTransport } from './cluster-transport.js';

/** Time in which a new connection has subscribed to its channels again. */
const RESUBSCRIBE_MS = 250;

/** Base of the transports over a connection that may break: logs each loss once, however many reconnects fail, and reports when the connection is back. */
export abstract class MonitoredTransport extends ClusterTransport {
  private readonly listeners = new Set<() => void>();
  private isUp: boolean | undefined;
  private isClosed = false;
  private notification: NodeJS.Timeout | undefined;

  constructor(
    private readonly medium: string,
    protected readonly logger: PinoLogger,
  ) {
    super();
  }

  onConnected(listener: () => void): void {
    this.listeners.add(listener);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.notification);
  }

  protected connected(): void {
    if (this.isClosed) return;
    this.isUp = true;
    this.logger.info(`${this.medium} connects this process to the other replicas`);
    clearTimeout(this.notification);
    this.notification = setTimeout(() => this.listeners.forEach((listener) => listener()), RESUBSCRIBE_MS);
  }

  protected lost(error?: Error): void {
    if (this.isUp === false || this.isClosed) return;
    this.isUp = false;
    clearTimeout(this.notification);
    this.logger.warn(
      { err: error },
      `${this.medium} does not connect the replicas; changes made by other replicas appear with a delay`,
    );
  }
}
