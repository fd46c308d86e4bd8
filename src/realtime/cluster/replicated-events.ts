import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { type DomainEventMap, type DomainEventName, DomainEvents } from '../../events/domain-events.js';
import { readReplicatedEvent, REPLICATED_EVENTS, wireNameOf } from '../../events/replicated-events.js';
import type { TypedServer } from '../typed-socket.js';

/** Replicates domain events between the replicas. Payloads only identify rows; listeners read the rows themselves. */
@Injectable()
export class ReplicatedEvents implements OnModuleDestroy {
  /** Payloads received from another replica, which has sent them to all replicas already. */
  private readonly received = new WeakSet<object>();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly events: DomainEvents,
    @InjectPinoLogger(ReplicatedEvents.name) private readonly logger: PinoLogger,
  ) {}

  /** Starts to exchange events with the replicas that the adapter of the server connects. */
  join(server: Pick<TypedServer, 'on' | 'serverSideEmit'>): void {
    server.on('domain:event', (name, payload) => this.receive(name, payload));
    this.unsubscribe = REPLICATED_EVENTS.map((name) =>
      this.events.on(name, (payload) => {
        if (!this.received.has(payload)) server.serverSideEmit('domain:event', wireNameOf(name), payload);
      }),
    );
  }

  /** Emits an event in this process without replicating it. */
  emitLocally<Name extends DomainEventName>(name: Name, payload: DomainEventMap[Name]): void {
    this.received.add(payload);
    this.events.emit(name, payload);
  }

  onModuleDestroy(): void {
    for (const each of this.unsubscribe) each();
  }

  private receive(name: unknown, payload: unknown): void {
    const event = readReplicatedEvent(name, payload);
    if (event === undefined)
      this.logger.warn({ event: String(name).slice(0, 64) }, 'Another replica sent an event that is unknown here');
    else this.emitLocally(event.name, event.payload);
  }
}
