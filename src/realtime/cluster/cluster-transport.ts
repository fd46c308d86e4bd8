import type { ServerOptions } from 'socket.io';

/** What carries messages between the processes that serve one database. Losing a message, or all of them, loses no truth. */
export abstract class ClusterTransport {
  /** What the Socket.io server is given; undefined for a process that is alone. */
  abstract readonly adapter: ServerOptions['adapter'] | undefined;
  /** Calls back each time that messages get through again, the first time included; what was sent before may be lost. */
  abstract onConnected(listener: () => void): void;
  abstract close(): Promise<void>;
}

/** The only process on its database. */
export class SingleProcessTransport extends ClusterTransport {
  readonly adapter = undefined;

  onConnected(): void {}

  async close(): Promise<void> {}
}
