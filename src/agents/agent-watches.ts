import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/clock.js';
import { AgentStates } from '../containers/agent-states.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers.repository.js';
import { ContainerRuntime } from '../runtime/container-runtime.js';
import { AgentWatch } from './agent-watch.js';

/** Watches the agent of every running container that has Claude Code, in each process of DevForge for itself. */
@Injectable()
export class AgentWatches implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watches = new Map<string, AgentWatch>();
  private unsubscribe: (() => void)[] = [];
  private isDestroyed = false;

  constructor(
    private readonly rows: ContainersRepository,
    private readonly runtime: ContainerRuntime,
    private readonly states: AgentStates,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(AgentWatches.name) private readonly logger: PinoLogger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.follow(containerId)),
      this.events.on('container.removed', ({ containerId }) => this.end(containerId)),
      this.events.on('engine.available', () => this.observeAll()),
    ];
    await this.observeAll();
  }

  onModuleDestroy(): void {
    this.isDestroyed = true;
    for (const each of this.unsubscribe) each();
    for (const id of this.watches.keys()) this.end(id);
  }

  private async observeAll(): Promise<void> {
    for (const row of await this.rows.listAll()) this.observe(row);
  }

  private async follow(containerId: string): Promise<void> {
    const row = await this.rows.findById(containerId);
    if (row !== null) this.observe(row);
  }

  private observe({ id, status, template, dockerId }: ContainerRow): void {
    if (status !== 'running' || template === 'vscode' || dockerId === null || this.isDestroyed) return this.end(id);
    if (this.watches.get(id)?.dockerId === dockerId) return;
    this.end(id);
    const watch = new AgentWatch(id, dockerId, this.runtime, this.states, this.clock, this.logger);
    this.watches.set(id, watch);
    void watch.run();
  }

  private end(id: string): void {
    this.watches.get(id)?.close();
    this.watches.delete(id);
  }
}
