import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { KeyedSemaphore, NoPermitError } from '../common/concurrency/semaphore.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { PausedWorkspaces } from '../workspace/paused-workspaces.js';
import { requireVersion } from '../workspace/programs/program-failure.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { FILE_FRAMES, FileHelper, HelperEndedError } from './file-helper.js';

/** How long an idle helper is kept for the next request: starting one takes far longer than a small request. */
const IDLE_MS = 10_000;
const MAX_REQUESTS_PER_CONTAINER = 8;
const MAX_WAITING_PER_CONTAINER = 1_000;
const MAX_WAIT_MS = 30_000;

interface IdleHelper {
  helper: FileHelper;
  runtimeId: string | null;
  timer: NodeJS.Timeout;
}

/** The file helpers of all containers. Each request uses one of its own; a helper that completed its request is used again. */
@Injectable()
export class FileHelpers implements OnModuleDestroy {
  private readonly idle = new Map<string, IdleHelper[]>();
  private readonly busy = new Set<FileHelper>();
  private readonly requests = new KeyedSemaphore(MAX_REQUESTS_PER_CONTAINER, {
    maxWaiting: MAX_WAITING_PER_CONTAINER,
    maxWaitMs: MAX_WAIT_MS,
  });
  private readonly stopped = new AbortController();

  constructor(
    private readonly programs: WorkspacePrograms,
    private readonly paused: PausedWorkspaces,
  ) {}

  /** Ends all helpers, so that their requests are answered and the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
    for (const helper of this.busy) helper.close();
    for (const { helper, timer } of [...this.idle.values()].flat()) {
      clearTimeout(timer);
      helper.close();
    }
    this.idle.clear();
  }

  /**
   * @param clientSignal aborts when the client disconnects
   * @param work begins with a request; it is called again, with another helper, when an idle one turns out to have ended
   * @param needs the lowest protocol version that can do what is asked
   * @throws DomainError
   */
  async use<Result>(
    row: ContainerRow,
    clientSignal: AbortSignal,
    work: (helper: FileHelper) => Promise<Result>,
    needs?: number,
  ): Promise<Result> {
    this.paused.requireUnpaused(row);
    const release = await this.requests.acquire(row.id, clientSignal).catch(rethrowAsTooManyRequests);
    try {
      for (;;) {
        this.paused.requireUnpaused(row);
        const known = this.takeIdle(row);
        const helper =
          known ??
          new FileHelper(
            await this.programs.openFramed(row, 'devforge-files', FILE_FRAMES, {
              needs,
              signal: AbortSignal.any([clientSignal, this.stopped.signal]),
            }),
          );
        if (known !== undefined && needs !== undefined) this.requireVersion(known, row, needs);
        const result = await this.attempt(helper, row, clientSignal, work);
        if (result !== undefined) return result.value;
      }
    } catch (error) {
      if (this.stopped.signal.aborted)
        throw new DomainError('shutting_down', 'DevForge is shutting down.', { cause: error });
      throw error;
    } finally {
      release();
    }
  }

  /** @returns undefined when the helper had ended while it was idle */
  private async attempt<Result>(
    helper: FileHelper,
    row: ContainerRow,
    clientSignal: AbortSignal,
    work: (helper: FileHelper) => Promise<Result>,
  ): Promise<{ value: Result } | undefined> {
    const wasIdle = helper.hasAnswered;
    helper.hasAnswered = false;
    // The response may be complete before its helper is idle again.
    const close = (): void => {
      if (!helper.isReady) helper.close();
    };
    clientSignal.addEventListener('abort', close, { once: true });
    this.busy.add(helper);
    const forget = this.paused.onStillPaused(row.id, () => helper.close());
    try {
      if (clientSignal.aborted) helper.close();
      return { value: await work(helper) };
    } catch (error) {
      this.paused.requireUnpaused(row);
      if (helper.stalled.aborted)
        throw new DomainError('workspace_tool_failed', 'The transfer made no progress for too long.', { cause: error });
      if (!(error instanceof HelperEndedError)) throw error;
      if (wasIdle && !helper.hasAnswered) return undefined;
      throw await this.programs.explain(row, helper.program);
    } finally {
      clientSignal.removeEventListener('abort', close);
      forget();
      this.busy.delete(helper);
      if (helper.isReady && !this.stopped.signal.aborted) this.keep(helper, row);
      else helper.close();
    }
  }

  /** A new helper is asked by its program. @throws DomainError `image_outdated` */
  private requireVersion(helper: FileHelper, row: ContainerRow, needs: number): void {
    const { program, version } = helper.program;
    if (version < needs) this.keep(helper, row);
    requireVersion({ program, version, needs });
  }

  private takeIdle(row: ContainerRow): FileHelper | undefined {
    const kept = this.idle.get(row.id) ?? [];
    for (let one = kept.pop(); one !== undefined; one = kept.pop()) {
      clearTimeout(one.timer);
      if (one.runtimeId === row.runtimeId && one.helper.isReady) return one.helper;
      one.helper.close();
    }
    this.idle.delete(row.id);
    return undefined;
  }

  private keep(helper: FileHelper, { id, runtimeId }: ContainerRow): void {
    const kept = this.idle.get(id) ?? [];
    const timer = setTimeout(() => this.drop(id, helper), IDLE_MS).unref();
    kept.push({ helper, runtimeId, timer });
    this.idle.set(id, kept);
  }

  private drop(id: string, helper: FileHelper): void {
    helper.close();
    const kept = (this.idle.get(id) ?? []).filter((one) => one.helper !== helper);
    if (kept.length === 0) this.idle.delete(id);
    else this.idle.set(id, kept);
  }
}

function rethrowAsTooManyRequests(error: unknown): never {
  if (!(error instanceof NoPermitError)) throw error;
  throw new DomainError(
    'too_many_requests',
    'Too many requests for files of this container at the same time; wait for some of them.',
    { retryAfterSeconds: 1, cause: error },
  );
}
