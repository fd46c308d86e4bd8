import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { isId } from '../../common/id-generator.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { DEFAULT_PROJECT } from '../../persistence/types.js';

const CACHE_MS = 1_000;
const MAX_CACHED = 1_000;

/** Caches containers for a second: an editor may request hundreds of files in that time. */
@Injectable()
export class SiteDirectory implements OnModuleInit, OnModuleDestroy {
  private readonly cached = new Map<string, { row: Promise<ContainerRow | null>; at: number }>();
  private unsubscribes: (() => void)[] = [];

  constructor(
    private readonly containers: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const clear = (): void => this.cached.clear();
    this.unsubscribes = [this.events.on('container.changed', clear), this.events.on('container.removed', clear)];
  }

  onModuleDestroy(): void {
    for (const unsubscribe of this.unsubscribes) unsubscribe();
  }

  /** @param reference id, or name in the default project @returns null when there is no such container */
  find(reference: string): Promise<ContainerRow | null> {
    const now = this.clock.now().getTime();
    const cached = this.cached.get(reference);
    if (cached !== undefined && now - cached.at < CACHE_MS && now >= cached.at) return cached.row;
    if (this.cached.size >= MAX_CACHED) this.cached.clear();
    const row = isId(reference) ? this.containers.findById(reference) : this.findByName(reference);
    row.catch(() => this.cached.delete(reference));
    this.cached.set(reference, { row, at: now });
    return row;
  }

  private async findByName(name: string): Promise<ContainerRow | null> {
    const [row] = await this.containers.findByName(name, [DEFAULT_PROJECT.id]);
    return row ?? null;
  }
}
