import type { PinoLogger } from 'nestjs-pino';
import { ClusterTransport } from './cluster-transport.js';

/** By then a connection that is back listens again to what it listened to before. */
const LISTENING_MS = 250;

/** A link over a connection that may break: says so once, however often it is tried again, and tells when it is back. */
export abstract class MonitoredTransport extends ClusterTransport {
  private readonly listeners = new Set<() => void>();
  private isUp: boolean | undefined;
  private isClosed = false;
  private telling: NodeJS.Timeout | undefined;

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
    clearTimeout(this.telling);
  }

  protected connected(): void {
    if (this.isClosed) return;
    this.isUp = true;
    this.logger.info(`${this.medium} connects this process with the other replicas`);
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.listeners.forEach((listener) => listener()), LISTENING_MS);
  }

  protected lost(error?: Error): void {
    if (this.isUp === false || this.isClosed) return;
    this.isUp = false;
    clearTimeout(this.telling);
    this.logger.warn(
      { err: error },
      `${this.medium} does not connect the replicas now: what happens on another one shows here with a delay`,
    );
  }
}
