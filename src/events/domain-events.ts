import { Injectable } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';

/** What happened in the domain: event name to payload. */
export interface DomainEventMap {
  /** A container's row changed, or its job moved on. */
  'container.changed': { containerId: string; ownerId: string };
  /** A container is gone with everything that belonged to it. */
  'container.removed': { containerId: string; ownerId: string; at: Date };
  /** Whoever works on the container must let go of it: it is being deleted. */
  'container.deleting': { containerId: string };
  /** An instruction has more events, or changed otherwise. */
  'instruction.changed': { instructionId: string; containerId: string; ownerId: string; lastSeq: number };
  /** An instruction began, ended, asks for something, or was answered. */
  'instruction.moved': { instructionId: string; containerId: string; ownerId: string };
  /** The agent in a container does something else. */
  'agent.changed': { containerId: string };
  'engine.available': Record<string, never>;
  'engine.unavailable': { reason: string };
}

export type DomainEventName = keyof DomainEventMap;

/** In-process bus of domain events. A listener that throws is logged and stops nobody. */
@Injectable()
export class DomainEvents {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  constructor(@InjectPinoLogger(DomainEvents.name) private readonly logger: PinoLogger) {}

  emit<Name extends DomainEventName>(name: Name, payload: DomainEventMap[Name]): void {
    this.emitter.emit(name, payload);
  }

  /** @returns a function that ends the subscription */
  on<Name extends DomainEventName>(
    name: Name,
    listener: (payload: DomainEventMap[Name]) => void | Promise<void>,
  ): () => void {
    const guarded = (payload: DomainEventMap[Name]): void => {
      Promise.resolve()
        .then(() => listener(payload))
        .catch((error: unknown) =>
          this.logger.error({ err: error, event: name }, 'A listener of a domain event failed'),
        );
    };
    this.emitter.on(name, guarded);
    return () => this.emitter.off(name, guarded);
  }
}
