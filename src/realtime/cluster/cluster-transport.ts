import type { ServerOptions } from 'socket.io';

/** Carries messages between the replicas on one database. Messages may get lost: the database has the truth. */
export abstract class ClusterTransport {
  /** Adapter for the Socket.io server; undefined when there is a single process. */
  abstract readonly adapter: ServerOptions['adapter'] | undefined;
  /** Calls back on every connect, the first included. Messages sent before it may be lost. */
  abstract onConnected(listener: () => void): void;
  abstract close(): Promise<void>;
}

/** For the only process on its database. */
export class SingleProcessTransport extends ClusterTransport {
  readonly adapter = undefined;

  onConnected(): void {}

  async close(): Promise<void> {}
}
