import { Injectable } from '@nestjs/common';
import type { Transport } from './outbox.js';
import type { ClientToServerEvents } from './socket-events.js';
import type { ServerEvent, ServerMessage } from './server-message.js';

type KindOf<Event> = Event extends `subscribe:${infer Kind}` ? Kind : Event extends `${infer Kind}:open` ? Kind : never;
/** What a client may subscribe to, or open. */
export type SubscriptionKind = KindOf<keyof ClientToServerEvents>;

/** How much goes over the sockets of this process, counted where it happens and read by whoever measures. */
@Injectable()
export class SocketCounters {
  connected = 0;
  readonly sent = new Map<ServerEvent, number>();
  /** Messages that a client was too slow for, and that a newer one took the place of. */
  readonly superseded = new Map<ServerEvent, number>();
  /** Lines of logs that clients were too slow for. */
  droppedLines = 0;
  private readonly counts = new Map<SubscriptionKind, () => number>();

  /** @param count tells how many subscriptions there are when it is asked */
  countSubscriptions(kind: SubscriptionKind, count: () => number): void {
    this.counts.set(kind, count);
  }

  subscriptions(): [SubscriptionKind, number][] {
    return [...this.counts].map(([kind, count]) => [kind, count()]);
  }

  /** The transport, with everything that it sends counted. */
  instrument(transport: Transport): Transport {
    return {
      ...transport,
      send: (message) => {
        this.add(this.sent, message.event);
        if (message.event === 'logs:dropped') this.droppedLines += message.payload.count ?? 0;
        transport.send(message);
      },
      superseded: (message: ServerMessage) => this.add(this.superseded, message.event),
    };
  }

  private add(counts: Map<ServerEvent, number>, event: ServerEvent): void {
    counts.set(event, (counts.get(event) ?? 0) + 1);
  }
}
