import { type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { type OnGatewayDisconnect, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { isInScope, scopeOf } from '../auth/principal.js';
import { ErrorTranslators } from '../common/errors/error-translators.js';
import { CoalescedRefresh } from '../common/concurrency/coalesced-refresh.js';
import { EgressDenials } from '../egress/egress-denials.js';
import { type DomainEventMap, DomainEvents } from '../events/domain-events.js';
import { acknowledge } from '../realtime/acknowledge.js';
import { LatestMessages } from '../realtime/outbox.js';
import type { Acknowledgement } from '@devforge/contract';
import { principalOf } from '../realtime/principal-of.js';
import { PerSocket } from '../realtime/per-socket.js';
import { SocketCounters } from '../realtime/socket-counters.js';
import { SocketSubscriptions } from '../realtime/socket-subscriptions.js';
import type { ServerMessage } from '../realtime/server-message.js';
import type { TypedSocket } from '../realtime/typed-socket.js';
import { ContainersService } from './containers.service.js';
import { SubscribeStatusDto } from './dto/subscribe-status.dto.js';
import { ContainerSnapshots } from './container-snapshots.js';

const MAX_SUBSCRIPTIONS = 500;
/** The topic of a subscription to every container that the client may see. */
const ALL = '*';

/** Pushes the status of containers as it changes. */
@WebSocketGateway()
export class StatusGateway implements OnApplicationBootstrap, OnModuleDestroy, OnGatewayDisconnect<TypedSocket> {
  /** By id of the container, or {@link ALL}. */
  private readonly subscriptions: SocketSubscriptions<true>;
  private readonly messages = new PerSocket((socket) => new LatestMessages(socket.data.outbox));
  private readonly refreshes = new CoalescedRefresh();
  private listeners: (() => void)[] = [];

  constructor(
    private readonly containers: ContainersService,
    private readonly snapshots: ContainerSnapshots,
    private readonly denials: EgressDenials,
    private readonly events: DomainEvents,
    private readonly translators: ErrorTranslators,
    counters: SocketCounters,
  ) {
    this.subscriptions = new SocketSubscriptions(counters, {
      kind: 'status',
      max: MAX_SUBSCRIPTIONS,
      label: 'status subscriptions',
    });
  }

  onApplicationBootstrap(): void {
    this.listeners = [
      this.events.on('container.changed', ({ containerId }) => this.pushStatus(containerId)),
      this.events.on('agent.changed', ({ containerId }) => this.pushStatus(containerId)),
      this.events.on('egress.denied', (denied) => this.pushDenial(denied)),
      this.events.on('container.removed', ({ containerId, projectId, at }) => {
        this.refreshes.drop(containerId);
        this.push(containerId, projectId, { event: 'status:removed', payload: { containerId, at: at.toISOString() } });
        // A removed container must not count against the limit of its subscribers.
        this.subscriptions.endTopic(containerId);
      }),
    ];
  }

  onModuleDestroy(): void {
    for (const each of this.listeners) each();
  }

  handleDisconnect(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  @SubscribeMessage('subscribe:status')
  subscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeStatusDto, this.translators, async ({ containerId }) => {
      const topic =
        containerId === undefined
          ? ALL
          : (await this.containers.find(principalOf(socket, 'subscribe:status'), containerId)).id;
      this.subscriptions.add(socket, topic, () => true);
    });
  }

  @SubscribeMessage('unsubscribe:status')
  unsubscribe(socket: TypedSocket, payload: unknown): Promise<Acknowledgement> {
    return acknowledge(payload, SubscribeStatusDto, this.translators, async ({ containerId }) => {
      const topic =
        containerId === undefined
          ? ALL
          : (await this.containers.find(principalOf(socket, 'unsubscribe:status'), containerId)).id;
      this.subscriptions.end(socket, topic);
      if (!this.subscriptions.has(socket, ALL)) this.messages.of(socket).drop(topic);
    });
  }

  private async pushStatus(containerId: string): Promise<void> {
    if (this.subscriptions.size === 0) return;
    await this.refreshes.run(
      containerId,
      () => this.lookUp(containerId),
      (found) => {
        if (found !== null) this.push(containerId, found.projectId, found.message);
      },
    );
  }

  private async pushDenial({ containerId, projectId, seq }: DomainEventMap['egress.denied']): Promise<void> {
    if (this.subscriptions.size === 0) return;
    const [denial] = await this.denials.list(containerId, seq - 1, 1);
    if (denial?.seq !== seq) return;
    this.push(
      containerId,
      projectId,
      { event: 'egress:denied', payload: { containerId, denial } },
      `${containerId} denial`,
    );
  }

  private async lookUp(containerId: string): Promise<{ projectId: string; message: ServerMessage } | null> {
    const found = await this.snapshots.of(containerId);
    if (found === null) return null;
    const { status, statusReason, agent, waitingStopAt, job, updatedAt } = found.container;
    const at = updatedAt;
    return {
      projectId: found.projectId,
      message: {
        event: 'status:update',
        payload: { containerId, status, statusReason, agent, waitingStopAt, job, at },
      },
    };
  }

  /** @param key what a newer message takes the place of */
  private push(containerId: string, projectId: string, message: ServerMessage, key = containerId): void {
    for (const socket of this.subscriptions.sockets()) {
      if (!isInScope(scopeOf(socket.data.identity, 'container:read'), projectId)) continue;
      if (this.subscriptions.has(socket, ALL) || this.subscriptions.has(socket, containerId))
        this.messages.of(socket).put(key, message);
    }
  }
}
