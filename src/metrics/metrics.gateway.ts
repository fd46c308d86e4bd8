import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/domain-error.js';
import { ErrorTranslators } from '../common/error-translators.js';
import { ContainersService } from '../containers/containers.service.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers.repository.js';
import { acknowledge } from '../realtime/acknowledge.js';
import { LatestMessages } from '../realtime/outbox.js';
import type { Acknowledgement } from '../realtime/socket-events.js';
import { SocketTally } from '../realtime/socket-tally.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { SubscribeMetricsDto, UnsubscribeMetricsDto } from './dto/subscribe-metrics.dto.js';
import { MetricsHub, notRunning } from './metrics-hub.js';

const MOST_SUBSCRIPTIONS = 500;

interface Subscription {
  intervalMs: number;
  /** undefined while the container does not run; sampling goes on when it does. */
  stop: (() => void) | undefined;
}

interface Subscriber {
  messages: LatestMessages;
  subscriptions: Map<string, Subscription>;
}

/** Pushes what containers use, to each client at its own interval. */
@WebSocketGateway()
export class MetricsGateway implements OnApplicationBootstrap, OnModuleDestroy, OnGatewayDisconnect<TypedSocket> {
  private readonly subscribers = new Map<TypedSocket, Subscriber>();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly containers: ContainersService,
    private readonly rows: ContainersRepository,
    private readonly hub: MetricsHub,
    private readonly events: DomainEvents,
    private readonly translators: ErrorTranslators,
    tally: SocketTally,
  ) {
    tally.countSubscriptions('metrics', () => [...this.subscribers.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0));
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.follow(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.end(containerId)),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.unsubscribe) each();
  }

  handleDisconnect(socket: TypedSocket): void {
    for (const { stop } of this.subscribers.get(socket)?.subscriptions.values() ?? []) stop?.();
    this.subscribers.delete(socket);
  }

  @SubscribeMessage('subscribe:metrics')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeMetricsDto, this.translators, async ({ containerId, interval }) => {
      const row = await this.containers.find(socket.data.principal, containerId);
      if (row.status !== 'running') throw notRunning(row);
      if (!socket.connected) return;
      const subscriber = this.subscriberOf(socket);
      if (subscriber.subscriptions.size >= MOST_SUBSCRIPTIONS && !subscriber.subscriptions.has(row.id)) {
        throw new DomainError('too_many_subscriptions', `One connection has at most ${MOST_SUBSCRIPTIONS} metrics subscriptions.`);
      }
      subscriber.subscriptions.get(row.id)?.stop?.();
      this.hub.observe(row);
      subscriber.subscriptions.set(row.id, { intervalMs: interval, stop: this.watch(subscriber, row.id, interval) });
    });
  }

  @SubscribeMessage('unsubscribe:metrics')
  leave(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, UnsubscribeMetricsDto, this.translators, async ({ containerId }) => {
      const { id } = await this.containers.find(socket.data.principal, containerId);
      const subscriber = this.subscribers.get(socket);
      subscriber?.subscriptions.get(id)?.stop?.();
      subscriber?.subscriptions.delete(id);
      subscriber?.messages.drop(id);
    });
  }

  private subscriberOf(socket: TypedSocket): Subscriber {
    const known = this.subscribers.get(socket) ?? { messages: new LatestMessages(socket.data.outbox), subscriptions: new Map<string, Subscription>() };
    this.subscribers.set(socket, known);
    return known;
  }

  private watch({ messages }: Subscriber, containerId: string, intervalMs: number): (() => void) | undefined {
    return this.hub.watch(containerId, {
      intervalMs,
      onMetrics: (metrics) => messages.put(containerId, { event: 'metrics:update', payload: { containerId, metrics } }),
    });
  }

  /** Whoever watches is told when it stops, and gets figures again when it runs again. */
  private async follow(containerId: string): Promise<void> {
    const watching = [...this.subscribers.values()].filter(({ subscriptions }) => subscriptions.has(containerId));
    if (watching.length === 0) return;
    const row = await this.rows.findById(containerId);
    if (row === null) return;
    this.hub.observe(row);
    for (const subscriber of watching) {
      const subscription = subscriber.subscriptions.get(containerId);
      if (subscription === undefined) continue;
      if (row.status === 'running') subscription.stop ??= this.watch(subscriber, containerId, subscription.intervalMs);
      else this.pause(subscriber, subscription, row);
    }
  }

  private pause({ messages }: Subscriber, subscription: Subscription, row: ContainerRow): void {
    if (subscription.stop === undefined) return;
    subscription.stop();
    subscription.stop = undefined;
    const { code, message } = notRunning(row);
    messages.put(row.id, { event: 'metrics:error', payload: { containerId: row.id, error: { code, message } } });
  }

  private end(containerId: string): void {
    for (const { messages, subscriptions } of this.subscribers.values()) {
      const subscription = subscriptions.get(containerId);
      if (subscription === undefined) continue;
      subscription.stop?.();
      subscriptions.delete(containerId);
      messages.put(containerId, { event: 'metrics:error', payload: { containerId, error: { code: 'container_not_found', message: 'The container was removed.' } } });
    }
  }
}
