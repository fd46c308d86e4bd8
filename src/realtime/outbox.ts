import type { ServerMessage } from './server-message.js';

/** A bounded supply of messages for one client. */
export interface OutboxSource {
  /** The next message, or undefined when there is none. */
  take(): ServerMessage | undefined;
}

/** What the outbox needs of the transport under a socket. */
export interface Transport {
  /** Whether everything that was sent has left this process. */
  isDrained(): boolean;
  /** Calls back each time the transport is drained. */
  onDrain(listener: () => void): void;
  send(message: ServerMessage): void;
  /** Is called for each message that was replaced by a newer one before it was sent. */
  superseded?(message: ServerMessage): void;
}

/**
 * Sends to one client as fast as the client reads. A source is asked for a message only when the transport has sent the
 * one before, so a slow client costs no memory beyond what its sources hold.
 */
export class Outbox {
  private readonly ready = new Set<OutboxSource>();

  constructor(private readonly transport: Transport) {
    transport.onDrain(() => this.flush());
  }

  /** Must be called when the source has a message. */
  wake(source: OutboxSource): void {
    this.ready.add(source);
    this.flush();
  }

  /** Stops asking the source. */
  forget(source: OutboxSource): void {
    this.ready.delete(source);
  }

  superseded(message: ServerMessage): void {
    this.transport.superseded?.(message);
  }

  /** Round robin, so that a busy source does not starve the others. */
  private flush(): void {
    while (this.transport.isDrained()) {
      const [source] = this.ready;
      if (source === undefined) return;
      this.ready.delete(source);
      const message = source.take();
      if (message === undefined) continue;
      this.ready.add(source);
      this.transport.send(message);
    }
  }
}

/** Keeps the latest message for each key. A slow client misses the ones in between, which are outdated by then. */
export class LatestMessages implements OutboxSource {
  private readonly messages = new Map<string, ServerMessage>();

  constructor(private readonly outbox: Outbox) {}

  put(key: string, message: ServerMessage): void {
    const before = this.messages.get(key);
    if (before !== undefined) this.outbox.superseded(before);
    // A key keeps its position in the map, so that one that changes all the time still gets its turn.
    this.messages.set(key, message);
    this.outbox.wake(this);
  }

  /** Discards the message of the key if it has not been sent. */
  drop(key: string): void {
    this.messages.delete(key);
  }

  take(): ServerMessage | undefined {
    const [first] = this.messages;
    if (first === undefined) return undefined;
    this.messages.delete(first[0]);
    return first[1];
  }
}
