import { type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { DomainError } from '../common/errors/domain-error.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { CoalescedRefresh } from '../common/concurrency/coalesced-refresh.js';
import { DomainEvents } from '../events/domain-events.js';
import { ContainersRepository } from '../persistence/containers/containers.repository.js';
import { acknowledge } from '../realtime/acknowledge.js';
import { LatestMessages } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { SocketCounters } from '../realtime/socket-counters.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { ContainerView } from './container-view.js';
import { ContainersService } from './containers.service.js';
import { SubscribeStatusDto } from './dto/subscribe-status.dto.js';

const MOST_SUBSCRIPTIONS = 500;
const ALL = '*';

interface Subscriber {
  ownerId: string;
  /** Ids of containers, or {@link ALL}. */
  topics: Set<string>;
  messages: LatestMessages;
}

/** Pushes the status of containers as it changes. */
@WebSocketGateway()
export class StatusGateway implements OnApplicationBootstrap, OnModuleDestroy, OnGatewayDisconnect<TypedSocket> {
  private readonly subscribers = new Map<TypedSocket, Subscriber>();
  private readonly refreshes = new CoalescedRefresh();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly containers: ContainersService,
    private readonly rows: ContainersRepository,
    private readonly view: ContainerView,
    private readonly events: DomainEvents,
    private readonly translators: ErrorTranslators,
    tally: SocketCounters,
  ) {
    tally.countSubscriptions('status', () =>
      [...this.subscribers.values()].reduce((sum, { topics }) => sum + topics.size, 0),
    );
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.pushStatus(containerId)),
      this.events.on('agent.changed', ({ containerId }) => this.pushStatus(containerId)),
      this.events.on('container.removed', ({ containerId, ownerId, at }) => {
        this.refreshes.drop(containerId);
        this.push(containerId, ownerId, { event: 'status:removed', payload: { containerId, at: at.toISOString() } });
        // A container that is gone takes up no subscription.
        for (const { topics } of this.subscribers.values()) topics.delete(containerId);
      }),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.unsubscribe) each();
  }

  handleDisconnect(socket: TypedSocket): void {
    this.subscribers.delete(socket);
  }

  @SubscribeMessage('subscribe:status')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeStatusDto, this.translators, async ({ containerId }) => {
      const topic =
        containerId === undefined ? ALL : (await this.containers.find(socket.data.principal, containerId)).id;
      if (!socket.connected) return;
      const subscriber = this.subscriberOf(socket);
      if (subscriber.topics.size >= MOST_SUBSCRIPTIONS && !subscriber.topics.has(topic)) {
        throw new DomainError(
          'too_many_subscriptions',
          `One connection has at most ${MOST_SUBSCRIPTIONS} status subscriptions.`,
        );
      }
      subscriber.topics.add(topic);
    });
  }

  @SubscribeMessage('unsubscribe:status')
  leave(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeStatusDto, this.translators, async ({ containerId }) => {
      const topic =
        containerId === undefined ? ALL : (await this.containers.find(socket.data.principal, containerId)).id;
      const subscriber = this.subscribers.get(socket);
      subscriber?.topics.delete(topic);
      if (!subscriber?.topics.has(ALL)) subscriber?.messages.drop(topic);
    });
  }

  private subscriberOf(socket: TypedSocket): Subscriber {
    const known = this.subscribers.get(socket);
    if (known !== undefined) return known;
    const subscriber = {
      ownerId: socket.data.principal.ownerId,
      topics: new Set<string>(),
      messages: new LatestMessages(socket.data.outbox),
    };
    this.subscribers.set(socket, subscriber);
    return subscriber;
  }

  private async pushStatus(containerId: string): Promise<void> {
    if (this.subscribers.size === 0) return;
    await this.refreshes.run(
      containerId,
      () => this.lookUp(containerId),
      (found) => {
        if (found !== null) this.push(containerId, found.ownerId, found.message);
      },
    );
  }

  private async lookUp(containerId: string): Promise<{ ownerId: string; message: ServerMessage } | null> {
    const row = await this.rows.findById(containerId);
    if (row === null) return null;
    const { status, statusReason, agent, job, updatedAt } = await this.view.one(row);
    return {
      ownerId: row.ownerId,
      message: { event: 'status:update', payload: { containerId, status, statusReason, agent, job, at: updatedAt } },
    };
  }

  private push(containerId: string, ownerId: string, message: ServerMessage): void {
    for (const subscriber of this.subscribers.values()) {
      if (subscriber.ownerId !== ownerId) continue;
      if (subscriber.topics.has(ALL) || subscriber.topics.has(containerId))
        subscriber.messages.put(containerId, message);
    }
  }
}
