import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../common/time/clock.js';
import { CoalescedRefresh } from '../common/concurrency/coalesced-refresh.js';
import { DomainError } from '../common/errors/domain-error.js';
import { AgentStates } from '../agent-state/agent-states.js';
import { quietAfterClaim } from '../containers/lifecycle/just-claimed.js';
import { DomainEvents } from '../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { AgentCredentials } from '../workspace/agent-credentials.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { workspaceOf } from '../workspace/workspace-ref.js';
import { AgentWatch } from './agent-watch.js';
import { EVERYTHING } from '../persistence/everything.js';

/** Watches the agent of every running container that has Claude Code. Each DevForge process does this for itself. */
@Injectable()
export class AgentWatches implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watches = new Map<string, AgentWatch>();
  /** Of each watch, the workspace and the credentials that it was opened for. */
  private readonly versions = new Map<string, string>();
  private readonly refreshes = new CoalescedRefresh();
  private unsubscribe: (() => void)[] = [];
  private isDestroyed = false;

  constructor(
    private readonly rows: ContainersRepository,
    private readonly programs: WorkspacePrograms,
    private readonly states: AgentStates,
    private readonly credentials: AgentCredentials,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(AgentWatches.name) private readonly logger: PinoLogger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.unsubscribe = [
      this.events.on('container.changed', ({ containerId }) => this.refresh(containerId)),
      this.events.on('container.removed', ({ containerId }) => {
        this.refreshes.drop(containerId);
        this.end(containerId);
      }),
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
    const rows = await this.rows.listAll();
    await Promise.all(
      rows.filter(({ id, status }) => status === 'running' || this.watches.has(id)).map(({ id }) => this.refresh(id)),
    );
  }

  private refresh(containerId: string): Promise<void> {
    return this.refreshes.run(
      containerId,
      () => this.rows.findById(containerId, EVERYTHING),
      (row) => (row === null ? this.end(containerId) : this.observe(row)),
    );
  }

  private observe(row: ContainerRow): void {
    const { id, status, template, runtimeId } = row;
    if (status !== 'running' || template === 'vscode' || runtimeId === null || this.isDestroyed) return this.end(id);
    // Other credentials reach the program when it is opened.
    const version = [runtimeId, ...row.credentials].join(' ');
    if (this.watches.has(id) && this.versions.get(id) === version) return;
    this.end(id);
    this.versions.set(id, version);
    const { programs, states, clock, logger } = this;
    const parts = { programs, states, clock, logger };
    const delayMs = quietAfterClaim(row, clock.now());
    const watch = new AgentWatch(workspaceOf(row), () => this.credentialOf(row), parts, delayMs);
    this.watches.set(id, watch);
    void watch.run();
  }

  /** An agent without its credential still has a state. */
  private async credentialOf(row: ContainerRow): Promise<Record<string, string>> {
    try {
      return await this.credentials.of(row);
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      this.logger.warn({ err: error, containerId: row.id }, 'The credential of a container cannot be used');
      return {};
    }
  }

  private end(id: string): void {
    this.watches.get(id)?.close();
    this.watches.delete(id);
    this.versions.delete(id);
  }
}
