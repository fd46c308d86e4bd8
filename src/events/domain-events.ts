import { Injectable } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';

/** Domain events: name to payload. */
export interface DomainEventMap {
  /** The row of a container changed, or its job made progress. */
  'container.changed': { containerId: string; projectId: string };
  /** A container was removed with everything that belonged to it. */
  'container.removed': { containerId: string; projectId: string; at: Date };
  /** The container is being deleted; work on it must stop. */
  'container.deleting': { containerId: string };
  /** An instruction has more events, or changed otherwise. */
  'instruction.changed': { instructionId: string; containerId: string; projectId: string; lastSeq: number };
  /** An instruction was accepted, started or ended, or a permission request was opened or closed. */
  'instruction.state_changed': { instructionId: string; containerId: string; projectId: string };
  /** The state of the agent in a container changed. */
  'agent.changed': { containerId: string };
  /** A connection of a container was refused. */
  'egress.denied': { containerId: string; projectId: string; seq: number };
  /** What the containers of a project may spend was changed. */
  'project.budget_changed': { projectId: string };
  'engine.available': Record<string, never>;
  'engine.unavailable': { reason: string };
}

export type DomainEventName = keyof DomainEventMap;

/** In-process bus of domain events. An error thrown by a listener is logged and does not affect the other listeners. */
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
