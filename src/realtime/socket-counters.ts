import { Injectable } from '@nestjs/common';
import type { Transport } from './outbox.js';
import type { ClientToServerEvents } from '@devforge/contract';
import type { ServerEvent, ServerMessage } from './server-message.js';

type KindOf<Event> = Event extends `subscribe:${infer Kind}` ? Kind : Event extends `${infer Kind}:open` ? Kind : never;
/** What a client may subscribe to or open. */
export type SubscriptionKind = KindOf<keyof ClientToServerEvents>;

/** Counts the sockets of this process, their subscriptions and their messages, for the Prometheus metrics. */
@Injectable()
export class SocketCounters {
  connected = 0;
  readonly sent = new Map<ServerEvent, number>();
  /** Messages that were replaced by newer ones before a slow client could receive them. */
  readonly superseded = new Map<ServerEvent, number>();
  /** Log lines that slow clients did not receive. */
  droppedLines = 0;
  private readonly counts = new Map<SubscriptionKind, () => number>();

  /** @param count returns the current number of subscriptions */
  countSubscriptions(kind: SubscriptionKind, count: () => number): void {
    this.counts.set(kind, count);
  }

  subscriptions(): [SubscriptionKind, number][] {
    return [...this.counts].map(([kind, count]) => [kind, count()]);
  }

  /** Wraps a transport so that everything it sends is counted. */
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
