import type { ServerMessage } from './server-message.js';

/** Something that has messages for one client, and holds no more of them than it says. */
export interface OutboxSource {
  /** The next message, or undefined when there is none. */
  take(): ServerMessage | undefined;
}

/** The transport under a socket, as far as pace is concerned. */
export interface Transport {
  /** Whether what was sent before has left this process. */
  isDrained(): boolean;
  onDrain(listener: () => void): void;
  send(message: ServerMessage): void;
  /** Told of each message that was not sent, since a newer one took its place. */
  superseded?(message: ServerMessage): void;
}

/**
 * Sends to one client at the client's own pace. Sources are asked for a message only when the transport
 * has taken the one before, so a slow client costs what its sources hold and nothing more.
 */
export class Outbox {
  private readonly ready = new Set<OutboxSource>();

  constructor(private readonly transport: Transport) {
    transport.onDrain(() => this.flush());
  }

  /** Tells that the source has something. */
  wake(source: OutboxSource): void {
    this.ready.add(source);
    this.flush();
  }

  forget(source: OutboxSource): void {
    this.ready.delete(source);
  }

  superseded(message: ServerMessage): void {
    this.transport.superseded?.(message);
  }

  /** Each source in turn, so that a talkative one does not starve the others. */
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

/** Keeps the latest message for each key. What a slow client misses in between is out of date anyway. */
export class LatestMessages implements OutboxSource {
  private readonly messages = new Map<string, ServerMessage>();

  constructor(private readonly outbox: Outbox) {}

  put(key: string, message: ServerMessage): void {
    const before = this.messages.get(key);
    if (before !== undefined) this.outbox.superseded(before);
    // A key keeps its place, so that one that changes all the time is not passed over for ever.
    this.messages.set(key, message);
    this.outbox.wake(this);
  }

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
