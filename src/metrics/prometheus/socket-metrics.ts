import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { SocketCounters } from '../../realtime/socket-counters.js';
import type { ServerEvent } from '../../realtime/server-message.js';
import { ScrapedMetrics } from './scraped-metrics.js';

/** Metrics of the Socket.io connections of this process. */
@Injectable()
export class SocketMetrics extends ScrapedMetrics {
  private readonly connected: Gauge;
  private readonly subscriptions: Gauge<'kind'>;
  private readonly sent: Counter<'event'>;
  private readonly superseded: Counter<'event'>;
  private readonly droppedLines: Counter;

  constructor(
    private readonly counters: SocketCounters,
    registry: Registry,
  ) {
    super();
    const registers = [registry];
    this.connected = new Gauge({ name: 'devforge_sockets_connected', help: 'Socket.io clients', registers });
    this.subscriptions = new Gauge({
      name: 'devforge_socket_subscriptions',
      help: 'Subscriptions by what they are to',
      labelNames: ['kind'],
      registers,
    });
    this.sent = new Counter({
      name: 'devforge_socket_messages_sent_total',
      help: 'Messages to clients by event',
      labelNames: ['event'],
      registers,
    });
    this.superseded = new Counter({
      name: 'devforge_socket_messages_dropped_total',
      help: 'Messages that a slow client did not get, since a newer one took their place, by event',
      labelNames: ['event'],
      registers,
    });
    this.droppedLines = new Counter({
      name: 'devforge_socket_log_lines_dropped_total',
      help: 'Lines of logs that slow clients did not get',
      registers,
    });
  }

  refresh(): void {
    this.connected.set(this.counters.connected);
    for (const [kind, count] of this.counters.subscriptions()) this.subscriptions.set({ kind }, count);
    setAll(this.sent, this.counters.sent);
    setAll(this.superseded, this.counters.superseded);
    this.droppedLines.reset();
    this.droppedLines.inc(this.counters.droppedLines);
  }
}

function setAll(counter: Counter<'event'>, counts: ReadonlyMap<ServerEvent, number>): void {
  counter.reset();
  for (const [event, count] of counts) counter.inc({ event }, count);
}
