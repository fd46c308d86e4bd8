import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { Clock } from '../../common/time/clock.js';
import { isId } from '../../common/id-generator.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { DEFAULT_PROJECT } from '../../persistence/types.js';
import { CONTAINER_NAME } from '../../workspace/container-names.js';

const CACHE_MS = 1_000;
const MAX_CACHED = 1_000;

/** Caches containers for a second: an editor may request hundreds of files in that time. */
@Injectable()
export class SiteDirectory implements OnModuleInit, OnModuleDestroy {
  private readonly cached = new Map<string, { row: Promise<ContainerRow | null>; at: number }>();
  /** Host names that strangers make up wait for one query at a time. */
  private readonly lookup = new BatchedLookup(async (references: string[]) => {
    const rows = await this.containers.findByIdsOrNames(references, DEFAULT_PROJECT.id);
    return rows.flatMap((row) => [
      { id: row.id, row },
      ...(row.projectId === DEFAULT_PROJECT.id ? [{ id: row.name, row }] : []),
    ]);
  });
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
    const row = this.lookUp(reference);
    row.catch(() => this.cached.delete(reference));
    this.cached.set(reference, { row, at: now });
    return row;
  }

  private async lookUp(reference: string): Promise<ContainerRow | null> {
    if (!isId(reference) && !CONTAINER_NAME.test(reference)) return null;
    return (await this.lookup.get(reference))?.row ?? null;
  }
}
