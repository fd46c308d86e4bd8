import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { ContainerActivity } from '../containers/activity/container-activity.js';
import { ContainersRepository, type ContainerRow } from '../persistence/containers/containers.repository.js';
import { readUpTo } from '../common/bytes/read-up-to.js';
import { workspaceOf } from '../workspace/workspace-ref.js';
import { Tunnels } from './tunnel/tunnels.js';

const POLL_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_ANSWER_BYTES = 16 * 1024;
/** The last time that Date represents. */
const MAX_TIME_MS = 8.64e15;

interface Followed {
  connections: number;
  polling: PeriodicTask;
}

/** While browsers are connected to a container's VS Code, it is in use, and when VS Code last saw user activity is saved. */
@Injectable()
export class EditorHeartbeat implements OnModuleDestroy {
  private readonly followed = new Map<string, Followed>();

  constructor(
    private readonly containers: ContainersRepository,
    private readonly tunnels: Tunnels,
    private readonly activity: ContainerActivity,
    private readonly clock: Clock,
  ) {}

  /** To be called when a browser connects. @returns a function to call when it disconnects */
  follow(container: ContainerRow): () => void {
    const { id } = container;
    void this.save(id, this.clock.now());
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
    const lookUp = (): Promise<void> => {
      this.activity.note(container.id, 'editor');
      return this.ask(container);
    };
    const polling = new PeriodicTask(this.clock, lookUp, {
      intervalMs: POLL_MS,
      // A heartbeat that is missed is noted by the next poll.
      onError: () => undefined,
    });
    polling.start();
    return polling;
  }

  private async ask(container: ContainerRow): Promise<void> {
    const lastHeartbeat = await this.health(container).catch(() => 0);
    if (lastHeartbeat > 0) await this.save(container.id, new Date(lastHeartbeat));
  }

  /** `/healthz` returns the time of the last heartbeat in milliseconds since the epoch. The request itself is no heartbeat. */
  private async health(container: ContainerRow): Promise<number> {
    const { pool } = this.tunnels.clients(workspaceOf(container), 'editor');
    const { body } = await pool.request({
      method: 'GET',
      path: '/healthz',
      headers: { host: 'editor' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return parseHealth(await readUpTo(body, MAX_ANSWER_BYTES));
  }

  private async save(id: string, at: Date): Promise<void> {
    // The next poll saves it again.
    await this.containers.noteEditorSeen(id, at).catch(() => undefined);
  }
}

/** The last heartbeat, or 0. What answers may be anything in the container. */
function parseHealth(text: string): number {
  const { lastHeartbeat } = (JSON.parse(text) ?? {}) as { lastHeartbeat?: unknown };
  return typeof lastHeartbeat === 'number' && lastHeartbeat > 0 && lastHeartbeat <= MAX_TIME_MS ? lastHeartbeat : 0;
}
