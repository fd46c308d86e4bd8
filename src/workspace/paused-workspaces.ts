import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { messageOf } from '../common/errors/message-of.js';
import { Clock } from '../common/time/clock.js';
import { EngineMonitor } from '../drivers/engine-monitor.js';
import { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceEventType } from '../drivers/workspace.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { pausedContainer } from './container-errors.js';

/** A pause that is over sooner, as while an image is committed, interrupts nothing. */
const STILL_PAUSED_MS = 5_000;
const RUNNING_OR_GONE: readonly WorkspaceEventType[] = ['unpaused', 'started', 'exited', 'removed'];

/**
 * Which workspaces are paused: nothing in them reads or writes, and what waits for their programs waits for as long. It is
 * observed, since pausing happens outside DevForge.
 */
@Injectable()
export class PausedWorkspaces implements OnApplicationBootstrap {
  /** The end of each pause. */
  private readonly paused = new Map<string, AbortController>();
  private readonly waiting = new Map<string, Set<() => void>>();

  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly monitor: EngineMonitor,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(PausedWorkspaces.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.monitor.onEvent(({ id, type }) => {
      if (type === 'paused') this.begin(id);
      else if (RUNNING_OR_GONE.includes(type)) this.end(id);
    });
    this.events.on('engine.available', () => this.observeAll());
  }

  isPaused(id: string): boolean {
    return this.paused.has(id);
  }

  /** @throws DomainError `invalid_state` */
  requireUnpaused({ id, status }: Pick<ContainerRow, 'id' | 'status'>): void {
    if (this.isPaused(id)) throw pausedContainer(status);
  }

  /** Calls the listener when the workspace is paused for longer than a moment. @returns a function that forgets it */
  onStillPaused(id: string, listener: () => void): () => void {
    const listeners = this.waiting.get(id) ?? new Set();
    this.waiting.set(id, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.waiting.get(id) === listeners) this.waiting.delete(id);
    };
  }

  private async observeAll(): Promise<void> {
    try {
      const observed = await this.driver.list();
      const paused = new Set(observed.flatMap(({ id, state }) => (state === 'paused' ? [id] : [])));
      for (const id of this.paused.keys()) if (!paused.has(id)) this.end(id);
      for (const id of paused) this.begin(id);
    } catch (error) {
      this.logger.debug({ reason: messageOf(error) }, 'The paused containers could not be listed');
    }
  }

  private begin(id: string): void {
    if (this.paused.has(id)) return;
    const over = new AbortController();
    this.paused.set(id, over);
    void this.clock.sleep(STILL_PAUSED_MS, over.signal).then(() => {
      if (!over.signal.aborted) for (const listener of this.waiting.get(id) ?? []) listener();
    });
  }

  private end(id: string): void {
    this.paused.get(id)?.abort();
    this.paused.delete(id);
  }
}
