import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { type DomainEventMap, DomainEvents } from '../../events/domain-events.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';

/** Other processes are told of further events of one instruction no more often than this. */
const TELL_EVERY_MS = 50;

type Changed = Pick<InstructionRow, 'id' | 'containerId' | 'ownerId' | 'lastSeq'>;
type Growth = DomainEventMap['instruction.changed'];

/** Tells whoever waits for an instruction that it changed. What it is now is read from the database. */
@Injectable()
export class InstructionChanges implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watchers = new Map<string, Set<() => void>>();
  /** Instructions that were told of lately, and what is to be told of them next. */
  private readonly told = new Map<string, Growth | undefined>();
  /** What this process said itself: its own watchers know. */
  private readonly own = new WeakSet<object>();
  private readonly stopped = new AbortController();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('instruction.changed', (growth) => {
      if (!this.own.has(growth)) this.wake(growth.instructionId);
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
    this.stopped.abort();
  }

  /** It has more events. */
  grew({ id: instructionId, containerId, ownerId, lastSeq }: Changed): void {
    this.wake(instructionId);
    const growth = { instructionId, containerId, ownerId, lastSeq };
    if (this.told.has(instructionId)) this.told.set(instructionId, growth);
    else void this.tell(growth);
  }

  /** It began, ended, asks for something, or was answered. */
  moved(changed: Changed): void {
    const { id: instructionId, containerId, ownerId } = changed;
    this.events.emit('instruction.moved', { instructionId, containerId, ownerId });
    this.grew(changed);
  }

  /** @returns a function that ends it */
  watch(instructionId: string, onChange: () => void): () => void {
    const watchers = this.watchers.get(instructionId) ?? new Set();
    this.watchers.set(instructionId, watchers);
    watchers.add(onChange);
    return () => {
      watchers.delete(onChange);
      if (watchers.size === 0 && this.watchers.get(instructionId) === watchers) this.watchers.delete(instructionId);
    };
  }

  private wake(instructionId: string): void {
    for (const watcher of this.watchers.get(instructionId) ?? []) watcher();
  }

  private async tell(growth: Growth): Promise<void> {
    for (let next: Growth | undefined = growth; next !== undefined; next = this.told.get(growth.instructionId)) {
      this.own.add(next);
      this.events.emit('instruction.changed', next);
      this.told.set(growth.instructionId, undefined);
      await this.clock.sleep(TELL_EVERY_MS, this.stopped.signal);
    }
    this.told.delete(growth.instructionId);
  }
}
