import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DomainEvents } from '../events/domain-events.js';
import type { InstructionRow } from '../persistence/instructions.repository.js';

type Changed = Pick<InstructionRow, 'id' | 'containerId' | 'ownerId' | 'lastSeq'>;

/** Tells whoever waits for an instruction that it changed. What it is now is read from the database. */
@Injectable()
export class InstructionChanges implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watchers = new Map<string, Set<() => void>>();
  private unsubscribe: () => void = () => undefined;

  constructor(private readonly events: DomainEvents) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('instruction.changed', ({ instructionId }) => {
      for (const watcher of this.watchers.get(instructionId) ?? []) watcher();
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /** It has more events. */
  grew({ id: instructionId, containerId, ownerId, lastSeq }: Changed): void {
    this.events.emit('instruction.changed', { instructionId, containerId, ownerId, lastSeq });
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
      if (watchers.size === 0) this.watchers.delete(instructionId);
    };
  }
}
