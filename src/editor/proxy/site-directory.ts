import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { isId } from '../../common/id-generator.js';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';

const FRESH_MS = 1_000;
const MOST_KNOWN = 1_000;

/** The containers that browsers are in: an editor asks for hundreds of files in a second, and the database once. */
@Injectable()
export class SiteDirectory implements OnModuleInit, OnModuleDestroy {
  private readonly known = new Map<string, { row: Promise<ContainerRow | null>; at: number }>();
  private stops: (() => void)[] = [];

  constructor(
    private readonly containers: ContainersRepository,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
  ) {}

  onModuleInit(): void {
    const forget = (): void => this.known.clear();
    this.stops = [this.events.on('container.changed', forget), this.events.on('container.removed', forget)];
  }

  onModuleDestroy(): void {
    for (const stop of this.stops) stop();
  }

  /** @param reference id or name @returns null when there is no such container */
  find(reference: string): Promise<ContainerRow | null> {
    const now = this.clock.now().getTime();
    const known = this.known.get(reference);
    if (known !== undefined && now - known.at < FRESH_MS && now >= known.at) return known.row;
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    const row = isId(reference) ? this.containers.findById(reference) : this.containers.findByName(reference);
    row.catch(() => this.known.delete(reference));
    this.known.set(reference, { row, at: now });
    return row;
  }
}
