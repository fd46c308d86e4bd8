import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/errors/domain-error.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { SerialQueue } from '../common/concurrency/serial-queue.js';
import { toDomainError } from '../http/problem.js';
import { ContainersService } from '../containers/containers.service.js';
import { acknowledge } from '../realtime/acknowledge.js';
import { LatestMessages } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { SubscribeMetricsDto, UnsubscribeMetricsDto } from './dto/subscribe-metrics.dto.js';
import { MetricsHub, notRunning } from './sampling/metrics-hub.js';
import type { MetricsSubscriber } from './sampling/metrics-subscribers.js';

const MOST_SUBSCRIPTIONS = 500;

interface Subscriber {
  messages: LatestMessages;
  /** What it asks for; looking a container up takes its time. */
  asked: SerialQueue;
  /** How to end each, by container. */
  subscriptions: Map<string, () => void>;
}

/** Pushes what containers use, to each client at its own interval. */
@WebSocketGateway()
export class MetricsGateway implements OnGatewayDisconnect<TypedSocket> {
  private readonly subscribers = new Map<TypedSocket, Subscriber>();

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: MetricsHub,
    private readonly translators: ErrorTranslators,
    tally: SocketCounters,
  ) {
    tally.countSubscriptions('metrics', () =>
      [...this.subscribers.values()].reduce((sum, { subscriptions }) => sum + subscriptions.size, 0),
    );
  }

  handleDisconnect(socket: TypedSocket): void {
    for (const end of this.subscribers.get(socket)?.subscriptions.values() ?? []) end();
    this.subscribers.delete(socket);
  }

  @SubscribeMessage('subscribe:metrics')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    const subscriber = this.subscriberOf(socket);
    return subscriber.asked.run(() =>
      acknowledge(payload, SubscribeMetricsDto, this.translators, async ({ containerId, interval }) => {
        const row = await this.containers.find(socket.data.principal, containerId);
        if (row.status !== 'running') throw notRunning(row);
        if (!socket.connected) return;
        const { subscriptions } = subscriber;
        if (subscriptions.size >= MOST_SUBSCRIPTIONS && !subscriptions.has(row.id)) {
          throw new DomainError(
            'too_many_subscriptions',
            `One connection has at most ${MOST_SUBSCRIPTIONS} metrics subscriptions.`,
          );
        }
        subscriptions.get(row.id)?.();
        this.hub.observe(row);
        subscriptions.set(row.id, this.hub.watch(row.id, this.watcher(subscriber, row.id, interval)));
      }),
    );
  }

  @SubscribeMessage('unsubscribe:metrics')
  leave(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    const subscriber = this.subscriberOf(socket);
    return subscriber.asked.run(() =>
      acknowledge(payload, UnsubscribeMetricsDto, this.translators, async ({ containerId }) => {
        const { id } = await this.containers.find(socket.data.principal, containerId);
        this.end(subscriber, id);
        subscriber.messages.drop(id);
      }),
    );
  }

  private subscriberOf(socket: TypedSocket): Subscriber {
    const known = this.subscribers.get(socket) ?? {
      messages: new LatestMessages(socket.data.outbox),
      asked: new SerialQueue(),
      subscriptions: new Map<string, () => void>(),
    };
    this.subscribers.set(socket, known);
    return known;
  }

  private watcher(subscriber: Subscriber, containerId: string, intervalMs: number): MetricsSubscriber {
    const { messages } = subscriber;
    const fail = ({ code, message }: DomainError): void =>
      messages.put(containerId, { event: 'metrics:error', payload: { containerId, error: { code, message } } });
    let hasFailed = false;
    return {
      intervalMs,
      onMetrics: (metrics) => {
        hasFailed = false;
        messages.put(containerId, { event: 'metrics:update', payload: { containerId, metrics } });
      },
      onFailure: (error) => {
        if (!hasFailed) fail(toDomainError(error, this.translators));
        hasFailed = true;
      },
      onRemoved: () => {
        this.end(subscriber, containerId);
        fail(new DomainError('container_not_found', 'The container was removed.'));
      },
    };
  }

  private end({ subscriptions }: Subscriber, containerId: string): void {
    subscriptions.get(containerId)?.();
    subscriptions.delete(containerId);
  }
}
