import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/errors/domain-error.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { toDomainError } from '../http/problem.js';
import { ContainersService } from '../containers/containers.service.js';
import { acknowledge } from '../realtime/acknowledge.js';
import type { OutboxSource } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { SubscribeLogsDto, UnsubscribeLogsDto } from './dto/subscribe-logs.dto.js';
import { type JoinedLog, LogHub } from './log-hub.js';
import { STOPPED } from './log-stream.js';
import type { LogEntry } from './log-subscription.js';

const MOST_SUBSCRIPTIONS = 100;

interface ReaderEntry {
  source: OutboxSource;
  /** undefined while it is being joined. */
  log: JoinedLog | undefined;
}

/** Pushes what containers write as they write it. */
@WebSocketGateway()
export class LogsGateway implements OnGatewayDisconnect<TypedSocket> {
  private readonly readers = new Map<TypedSocket, Map<string, ReaderEntry>>();

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: LogHub,
    private readonly translators: ErrorTranslators,
    tally: SocketCounters,
  ) {
    tally.countSubscriptions('logs', () => [...this.readers.values()].reduce((sum, { size }) => sum + size, 0));
  }

  handleDisconnect(socket: TypedSocket): void {
    for (const id of this.readers.get(socket)?.keys() ?? []) this.leave(socket, id);
    this.readers.delete(socket);
  }

  @SubscribeMessage('subscribe:logs')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeLogsDto, this.translators, async ({ containerId, tail, stream }) => {
      const row = await this.containers.find(socket.data.principal, containerId);
      if (!socket.connected) return;
      // Asking again begins again, with the new tail and stream.
      this.leave(socket, row.id);
      const readers = this.readersOf(socket);
      if (readers.size >= MOST_SUBSCRIPTIONS) {
        throw new DomainError(
          'too_many_subscriptions',
          `One connection has at most ${MOST_SUBSCRIPTIONS} log subscriptions.`,
        );
      }
      const entry: ReaderEntry = { source: { take: () => this.next(socket, row.id, entry) }, log: undefined };
      readers.set(row.id, entry);
      try {
        const log = await this.hub.join(row, tail, stream, () => socket.data.outbox.wake(entry.source));
        // It may have left, or asked again, in the meantime.
        if (!socket.connected || readers.get(row.id) !== entry) return log.leave();
        entry.log = log;
        socket.data.outbox.wake(entry.source);
      } catch (error) {
        if (readers.get(row.id) === entry) readers.delete(row.id);
        throw error;
      }
    });
  }

  @SubscribeMessage('unsubscribe:logs')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeLogsDto, this.translators, async ({ containerId }) => {
      this.leave(socket, (await this.containers.find(socket.data.principal, containerId)).id);
    });
  }

  private readersOf(socket: TypedSocket): Map<string, ReaderEntry> {
    const known = this.readers.get(socket) ?? new Map<string, ReaderEntry>();
    this.readers.set(socket, known);
    return known;
  }

  private leave(socket: TypedSocket, id: string): void {
    const entry = this.readers.get(socket)?.get(id);
    if (entry === undefined) return;
    this.readers.get(socket)?.delete(id);
    socket.data.outbox.forget(entry.source);
    entry.log?.leave();
  }

  /** The beginning first, then whatever waits. */
  private next(socket: TypedSocket, containerId: string, { log }: ReaderEntry): ServerMessage | undefined {
    if (log === undefined) return undefined;
    if (log.initial !== undefined) {
      const lines = log.initial;
      log.initial = undefined;
      return { event: 'logs:initial', payload: { containerId, lines } };
    }
    const entry = log.subscription.take();
    // A container that is gone takes up no subscription.
    if (entry?.kind === 'end' && entry.reason !== STOPPED) this.leave(socket, containerId);
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
