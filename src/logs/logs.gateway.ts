import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { toDomainError } from '../http/problem.js';
import { ContainersService } from '../containers/containers.service.js';
import { principalOf } from '../realtime/principal-of.js';
import { acknowledge } from '../realtime/acknowledge.js';
import type { OutboxSource } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import { SocketSubscriptions } from '../realtime/socket-subscriptions.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { SubscribeLogsDto, UnsubscribeLogsDto } from './dto/subscribe-logs.dto.js';
import { type JoinedLog, LogHub } from './log-hub.js';
import { STOPPED } from './stream/log-stream.js';
import type { LogEntry } from './log-subscription.js';

const MAX_SUBSCRIPTIONS = 100;

interface LogSubscriber {
  source: OutboxSource;
  /** undefined until the log is joined. */
  log: JoinedLog | undefined;
}

/** Pushes the output of containers to sockets as it is written. */
@WebSocketGateway()
export class LogsGateway implements OnGatewayDisconnect<TypedSocket> {
  private readonly subscriptions: SocketSubscriptions<LogSubscriber>;

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: LogHub,
    private readonly translators: ErrorTranslators,
    counters: SocketCounters,
  ) {
    this.subscriptions = new SocketSubscriptions(counters, {
      kind: 'logs',
      max: MAX_SUBSCRIPTIONS,
      label: 'log subscriptions',
      release: ({ source, log }, socket) => {
        socket.data.outbox.forget(source);
        log?.leave();
      },
    });
  }

  handleDisconnect(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  @SubscribeMessage('subscribe:logs')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeLogsDto, this.translators, async ({ containerId, tail, stream, source }) => {
      const row = await this.containers.find(principalOf(socket, 'subscribe:logs'), containerId);
      const reader: LogSubscriber = { source: { take: () => this.next(socket, row.id, reader) }, log: undefined };
      // A repeated subscription starts over, with the new tail and stream.
      if (this.subscriptions.add(socket, row.id, () => reader) === undefined) return;
      const isCurrent = (): boolean => this.subscriptions.get(socket, row.id) === reader;
      try {
        const wake = (): void => socket.data.outbox.wake(reader.source);
        const log = await this.hub.join(row, tail, stream, wake, source);
        // The client may have unsubscribed, subscribed again or disconnected in the meantime.
        if (!isCurrent()) return log.leave();
        reader.log = log;
        socket.data.outbox.wake(reader.source);
      } catch (error) {
        if (isCurrent()) this.subscriptions.end(socket, row.id);
        throw error;
      }
    });
  }

  @SubscribeMessage('unsubscribe:logs')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeLogsDto, this.translators, async ({ containerId }) => {
      this.subscriptions.end(
        socket,
        (await this.containers.find(principalOf(socket, 'unsubscribe:logs'), containerId)).id,
      );
    });
  }

  /** The initial lines first, then what has been written since. */
  private next(socket: TypedSocket, containerId: string, { log }: LogSubscriber): ServerMessage | undefined {
    if (log === undefined) return undefined;
    if (log.initial !== undefined) {
      const lines = log.initial;
      log.initial = undefined;
      return { event: 'logs:initial', payload: { containerId, lines } };
    }
    const entry = log.subscription.take();
    // The log of a removed container ends for good, so its subscription must not count against the limit.
    if (entry?.kind === 'end' && entry.reason !== STOPPED) this.subscriptions.end(socket, containerId);
    return entry === undefined ? undefined : this.toMessage(containerId, entry);
  }

  private toMessage(containerId: string, entry: LogEntry): ServerMessage {
    switch (entry.kind) {
      case 'lines':
        return { event: 'logs:update', payload: { containerId, lines: entry.lines } };
      case 'dropped':
        return { event: 'logs:dropped', payload: { containerId, count: entry.count } };
      case 'end':
        return { event: 'logs:end', payload: { containerId, reason: entry.reason } };
      case 'error': {
        const { code, message } = toDomainError(entry.error, this.translators);
        return { event: 'logs:error', payload: { containerId, error: { code, message } } };
      }
    }
  }
}
