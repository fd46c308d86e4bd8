import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { ContainersRepository, type ContainerRow } from '../persistence/containers/containers.repository.js';
import { workspaceOf } from '../workspace/workspace-ref.js';
import { Tunnels } from './tunnel/tunnels.js';

const ASK_MS = 30_000;
const PATIENCE_MS = 5_000;

interface Followed {
  connections: number;
  polling: PeriodicTask;
}

/** While browsers are in a container's VS Code, notes when VS Code itself last saw somebody work. */
@Injectable()
export class EditorHeartbeat implements OnModuleDestroy {
  private readonly followed = new Map<string, Followed>();

  constructor(
    private readonly containers: ContainersRepository,
    private readonly tunnels: Tunnels,
    private readonly clock: Clock,
  ) {}

  /** A browser's connection has begun. @returns a function to call when it ends */
  follow(container: ContainerRow): () => void {
    const { id } = container;
    void this.note(id, this.clock.now());
    const known = this.followed.get(id) ?? { connections: 0, polling: this.poll(container) };
    known.connections++;
    this.followed.set(id, known);
    return () => {
      known.connections--;
      if (known.connections > 0) return;
      void known.polling.stop();
      this.followed.delete(id);
      void this.ask(container);
    };
  }

  onModuleDestroy(): void {
    for (const { polling } of this.followed.values()) void polling.stop();
  }

  private poll(container: ContainerRow): PeriodicTask {
    const polling = new PeriodicTask(this.clock, () => this.ask(container), {
      intervalMs: ASK_MS,
      // A heartbeat that is missed is noted by the next poll.
      onError: () => undefined,
    });
    polling.start();
    return polling;
  }

  private async ask(container: ContainerRow): Promise<void> {
    const { lastHeartbeat = 0 } = await this.health(container).catch(() => ({ lastHeartbeat: 0 }));
    if (lastHeartbeat > 0) await this.note(container.id, new Date(lastHeartbeat));
  }

  /** `/healthz` tells of the last heartbeat, in milliseconds of the epoch, and is none itself. */
  private async health(container: ContainerRow): Promise<{ lastHeartbeat?: number }> {
    const { pool } = this.tunnels.clients(workspaceOf(container), 'editor');
    const { body } = await pool.request({
      method: 'GET',
      path: '/healthz',
      headers: { host: 'editor' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    return (await body.json()) as { lastHeartbeat?: number };
  }

  private async note(id: string, at: Date): Promise<void> {
    // What is missed here is noted half a minute later.
    await this.containers.noteEditorSeen(id, at).catch(() => undefined);
  }
}
