import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { type DomainEventMap, type DomainEventName, DomainEvents } from '../../events/domain-events.js';
import { readReplicatedEvent, REPLICATED_EVENTS } from '../../events/replicated-events.js';
import type { TypedServer } from '../typed-socket.js';

/** Tells the other replicas what happens here, and this one what happens there. Payloads name rows; whoever listens reads them. */
@Injectable()
export class ReplicatedEvents implements OnModuleDestroy {
  /** Payloads that are not to be told on: whoever they come from has told everybody. */
  private readonly fromElsewhere = new WeakSet<object>();
  private unsubscribe: (() => void)[] = [];

  constructor(
    private readonly events: DomainEvents,
    @InjectPinoLogger(ReplicatedEvents.name) private readonly logger: PinoLogger,
  ) {}

  /** Joins the processes that the server's adapter connects. */
  join(server: Pick<TypedServer, 'on' | 'serverSideEmit'>): void {
    server.on('domain:event', (name, payload) => this.receive(name, payload));
    this.unsubscribe = REPLICATED_EVENTS.map((name) =>
      this.events.on(name, (payload) => {
        if (!this.fromElsewhere.has(payload)) server.serverSideEmit('domain:event', name, payload);
      }),
    );
  }

  /** Makes it known in this process alone. */
  emitLocally<Name extends DomainEventName>(name: Name, payload: DomainEventMap[Name]): void {
    this.fromElsewhere.add(payload);
    this.events.emit(name, payload);
  }

  onModuleDestroy(): void {
    for (const each of this.unsubscribe) each();
  }

  private receive(name: unknown, payload: unknown): void {
    const event = readReplicatedEvent(name, payload);
    if (event === undefined)
      this.logger.warn(
        { event: String(name).slice(0, 64) },
        'Another replica said something that this one does not understand',
      );
    else this.emitLocally(event.name, event.payload);
  }
}
