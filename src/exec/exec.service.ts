import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { ConcurrencyLimit, ConcurrencyLimitError } from '../common/concurrency/concurrency-limit.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ContainersService } from '../containers/containers.service.js';
import { requireRunning, WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FramedProcess } from '../workspace/programs/framed-process.js';
import type { ExecDto, ExecResultDto } from './dto/exec.dto.js';
import { EXEC_FRAMES, receiveResult, sendCommand } from './running-command.js';

/** More than the program in the container takes to end a command whose time is up. */
const SPARE_MS = 60_000;
/** Each running command may hold its output in memory. */
const MAX_COMMANDS = { perKey: 16, total: 64 };

/** Runs commands in containers. A command whose client leaves is ended, and so is one whose server goes away. */
@Injectable()
export class ExecService implements OnModuleDestroy {
  private readonly stopped = new AbortController();
  private readonly commands = new ConcurrencyLimit(MAX_COMMANDS);

  constructor(
    private readonly containers: ContainersService,
    private readonly tools: WorkspacePrograms,
  ) {}

  /** Whoever waits is answered, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** @param left aborts when nobody waits for the result any more */
  async run(principal: Principal, reference: string, dto: ExecDto, left: AbortSignal): Promise<ExecResultDto> {
    const row = await this.containers.find(principal, reference);
    requireRunning(row);
    const release = this.acquire(row.id);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), dto.timeoutSeconds * 1_000 + SPARE_MS);
    const end = AbortSignal.any([left, late.signal, this.stopped.signal]);
    try {
      const process = await this.tools.open(row, 'devforge-exec', EXEC_FRAMES, end);
      process.closeOn(end);
      try {
        return await this.follow(row, process, dto);
      } finally {
        process.close();
      }
    } catch (error) {
      if (this.stopped.signal.aborted)
        throw new DomainError('shutting_down', 'DevForge is shutting down; the command was ended.', { cause: error });
      if (late.signal.aborted)
        throw new DomainError('workspace_tool_failed', 'The container does not answer any more; it may be paused.', {
          cause: error,
        });
      throw error;
    } finally {
      clearTimeout(timer);
      release();
    }
  }

  private acquire(containerId: string): () => void {
    try {
      return this.commands.acquire(containerId);
    } catch (error) {
      if (!(error instanceof ConcurrencyLimitError)) throw error;
      const where = error.scope === 'key' ? ' in this container' : '';
      throw new DomainError(
        'too_many_requests',
        `${error.limit} commands run${where} at the same time; wait for one of them.`,
        { retryAfterSeconds: 1, cause: error },
      );
    }
  }

  private async follow(row: ContainerRow, process: FramedProcess, dto: ExecDto): Promise<ExecResultDto> {
    const [result] = await Promise.all([receiveResult(process, dto), sendCommand(process, dto)]);
    if (result === null) throw await this.tools.explain(row, process);
    return result;
  }
}
