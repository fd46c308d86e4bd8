import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { AuditLog } from '../auth/audit/audit-log.js';
import type { Principal } from '../auth/principal.js';
import { ConcurrencyLimit, ConcurrencyLimitError } from '../common/concurrency/concurrency-limit.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ContainerActivity } from '../containers/activity/container-activity.js';
import { ContainersService } from '../containers/containers.service.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { FramedProgram } from '../workspace/programs/framed-program.js';
import { requireRunning } from '../workspace/programs/program-failure.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import type { ExecDto, ExecResultDto } from './dto/exec.dto.js';
import { EXEC_FRAMES, receiveResult, sendCommand } from './running-command.js';

/** How much longer than its time-out a command is waited for: the program in the container takes less to end one. */
const SPARE_MS = 60_000;
/** Each running command may hold its output in memory. */
const MAX_COMMANDS = { perKey: 16, total: 64 };
/** Exit codes of a command that SIGTERM or SIGKILL has ended. */
const KILLED: ReadonlySet<number> = new Set([143, 137]);

/** Runs commands in containers. A command is ended when its client disconnects, and when DevForge stops. */
@Injectable()
export class ExecService implements OnModuleDestroy {
  private readonly stopped = new AbortController();
  private readonly commands = new ConcurrencyLimit(MAX_COMMANDS);

  constructor(
    private readonly containers: ContainersService,
    private readonly programs: WorkspacePrograms,
    private readonly activity: ContainerActivity,
    private readonly audit: AuditLog,
  ) {}

  /** Ends the commands that run, so that their requests are answered and the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** @param clientSignal aborts when the client disconnects */
  async run(principal: Principal, reference: string, dto: ExecDto, clientSignal: AbortSignal): Promise<ExecResultDto> {
    const row = await this.activity.begin(await this.containers.find(principal, reference), 'exec');
    requireRunning(row);
    const release = this.acquire(row.id);
    const endActivity = this.activity.hold(row.id, 'exec');
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), dto.timeoutSeconds * 1_000 + SPARE_MS);
    const end = AbortSignal.any([clientSignal, late.signal, this.stopped.signal]);
    try {
      await this.audit.record('container.exec', row);
      const process = await this.programs.openFramed(row, 'devforge-exec', EXEC_FRAMES, { signal: end });
      process.closeOn(end);
      try {
        return await this.follow(principal, row, process, dto);
      } finally {
        process.close();
      }
    } catch (error) {
      if (this.stopped.signal.aborted)
        throw new DomainError('shutting_down', 'DevForge is shutting down; the command was ended.', { cause: error });
      if (late.signal.aborted)
        throw new DomainError('workspace_tool_failed', 'The container no longer answers; it may be paused.', {
          cause: error,
        });
      throw error;
    } finally {
      clearTimeout(timer);
      endActivity();
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

  private async follow(
    principal: Principal,
    row: ContainerRow,
    process: FramedProgram,
    dto: ExecDto,
  ): Promise<ExecResultDto> {
    const [result] = await Promise.all([receiveResult(process, dto), sendCommand(process, dto)]);
    if (result === null) throw await this.programs.explain(row, process);
    // The stop of a container may kill the command a moment before the program that tells of it.
    if (KILLED.has(result.exitCode)) requireRunning(await this.containers.find(principal, row.id));
    return result;
  }
}
