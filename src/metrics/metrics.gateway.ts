import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/errors/domain-error.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { SerialQueue } from '../common/concurrency/serial-queue.js';
import { toDomainError } from '../http/problem.js';
import { ContainersService } from '../containers/containers.service.js';
import { acknowledge } from '../realtime/acknowledge.js';
import { LatestMessages } from '../realtime/outbox.js';
import { principalOf } from '../realtime/principal-of.js';
import { PerSocket } from '../realtime/per-socket.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import { SocketSubscriptions } from '../realtime/socket-subscriptions.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { SubscribeMetricsDto, UnsubscribeMetricsDto } from './dto/subscribe-metrics.dto.js';
import { MetricsHub, notRunning } from './sampling/metrics-hub.js';
import type { MetricsSubscriber } from './sampling/metrics-subscribers.js';

const MAX_SUBSCRIPTIONS = 500;

/** Pushes the metrics of containers, to each client at its own interval. */
@WebSocketGateway()
export class MetricsGateway implements OnGatewayDisconnect<TypedSocket> {
  /** By container: the function that ends the sampling for this client. */
  private readonly subscriptions: SocketSubscriptions<() => void>;
  private readonly messages = new PerSocket((socket) => new LatestMessages(socket.data.outbox));
  /** Looking a container up takes a varying time; the requests of one client still take effect in their order. */
  private readonly requests = new PerSocket(() => new SerialQueue());

  constructor(
    private readonly containers: ContainersService,
    private readonly hub: MetricsHub,
    private readonly translators: ErrorTranslators,
    counters: SocketCounters,
  ) {
    this.subscriptions = new SocketSubscriptions(counters, {
      kind: 'metrics',
      max: MAX_SUBSCRIPTIONS,
      label: 'metrics subscriptions',
      release: (unsubscribe) => unsubscribe(),
    });
  }

  handleDisconnect(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  @SubscribeMessage('subscribe:metrics')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.requests.of(socket).run(() =>
      acknowledge(payload, SubscribeMetricsDto, this.translators, async ({ containerId, interval }) => {
        const row = await this.containers.find(principalOf(socket, 'subscribe:metrics'), containerId);
        if (row.status !== 'running') throw notRunning(row);
        this.subscriptions.add(socket, row.id, () => {
          this.hub.track(row);
          return this.hub.subscribe(row.id, this.subscriber(socket, row.id, interval));
        });
      }),
    );
  }

  @SubscribeMessage('unsubscribe:metrics')
  leave(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return this.requests.of(socket).run(() =>
      acknowledge(payload, UnsubscribeMetricsDto, this.translators, async ({ containerId }) => {
        const { id } = await this.containers.find(principalOf(socket, 'unsubscribe:metrics'), containerId);
        this.subscriptions.end(socket, id);
        this.messages.of(socket).drop(id);
      }),
    );
  }

  private subscriber(socket: TypedSocket, containerId: string, intervalMs: number): MetricsSubscriber {
    const messages = this.messages.of(socket);
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
        this.subscriptions.end(socket, containerId);
        fail(new DomainError('container_not_found', 'The container was removed.'));
      },
    };
  }
}
