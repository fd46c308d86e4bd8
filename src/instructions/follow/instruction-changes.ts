import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { type DomainEventMap, DomainEvents } from '../../events/domain-events.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';

/** Least time between two `instruction.changed` events of one instruction. */
const PUBLISH_INTERVAL_MS = 50;

type ChangedInstruction = Pick<InstructionRow, 'id' | 'containerId' | 'projectId' | 'lastSeq'>;
type ChangedEvent = DomainEventMap['instruction.changed'];

/**
 * Notifies of changes to instructions: watchers in this process at once, other processes by domain events. What has
 * changed is read from the database.
 */
@Injectable()
export class InstructionChanges implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watchers = new Map<string, Set<() => void>>();
  /** Instructions with an event in the last interval, and the event to publish at its end. */
  private readonly pendingEvents = new Map<string, ChangedEvent | undefined>();
  /** Events that this process published, whose watchers were notified before. */
  private readonly ownEvents = new WeakSet<object>();
  private readonly stopped = new AbortController();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('instruction.changed', (event) => {
      if (!this.ownEvents.has(event)) this.notifyWatchers(event.instructionId);
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
    this.stopped.abort();
  }

  /** Events of the instruction were stored. */
  eventsAppended({ id: instructionId, containerId, projectId, lastSeq }: ChangedInstruction): void {
    this.notifyWatchers(instructionId);
    const event = { instructionId, containerId, projectId, lastSeq };
    if (this.pendingEvents.has(instructionId)) this.pendingEvents.set(instructionId, event);
    else void this.publish(event);
  }

  /** The instruction was accepted, started or ended, or a permission request was opened or closed. */
  stateChanged(instruction: ChangedInstruction): void {
    const { id: instructionId, containerId, projectId } = instruction;
    this.events.emit('instruction.state_changed', { instructionId, containerId, projectId });
    this.eventsAppended(instruction);
  }

  /** @returns a function that removes the watcher */
  watch(instructionId: string, onChange: () => void): () => void {
    const watchers = this.watchers.get(instructionId) ?? new Set();
    this.watchers.set(instructionId, watchers);
    watchers.add(onChange);
    return () => {
      watchers.delete(onChange);
      if (watchers.size === 0 && this.watchers.get(instructionId) === watchers) this.watchers.delete(instructionId);
    };
  }

  private notifyWatchers(instructionId: string): void {
    for (const watcher of this.watchers.get(instructionId) ?? []) watcher();
  }

  private async publish(event: ChangedEvent): Promise<void> {
    const { instructionId } = event;
    for (let next: ChangedEvent | undefined = event; next !== undefined; next = this.pendingEvents.get(instructionId)) {
      this.ownEvents.add(next);
      this.events.emit('instruction.changed', next);
      this.pendingEvents.set(instructionId, undefined);
      await this.clock.sleep(PUBLISH_INTERVAL_MS, this.stopped.signal);
    }
    this.pendingEvents.delete(instructionId);
  }
}
