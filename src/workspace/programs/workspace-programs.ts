import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../../common/errors/domain-error.js';
import { DriverError } from '../../drivers/driver-error.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { ExecRequest, WorkspaceProcess } from '../../drivers/workspace-process.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { type FrameKinds, FramedProgram } from './framed-program.js';
import { GreetingReader, SILENT_VERSION } from './greeting.js';
import {
  imageOutdated,
  isOutdated,
  notRunning,
  type ProgramEnd,
  programFailed,
  requireRunning,
} from './program-failure.js';
import { ProgramProcess } from './program-process.js';
import { programPath, type WorkspaceProgram } from './programs.js';

/** A pause that is over by then interrupts nothing. */
const MAX_PAUSE_MS = 2_000;
const PAUSE_POLL_MS = 50;

/** What of a container's row says where its programs run. */
export type ProgramContainer = Pick<ContainerRow, 'id' | 'projectId' | 'status' | 'runtimeId' | 'addedEnv'>;

/** A container, or a workspace that is still being set up. */
export type ProgramTarget = ProgramContainer | WorkspaceRef;

export interface OpenOptions {
  args?: string[];
  /** Added to the environment of the workspace. */
  env?: Record<string, string>;
  /** The lowest protocol version that can do what is asked; all programs by default. */
  needs?: number;
  /** Gives up while the program is being started. */
  signal?: AbortSignal;
}

export type RunOptions = Omit<ExecRequest, 'argv' | 'onStdout'> & { args?: string[] };

export interface ProgramResult {
  exitCode: number;
  /** Without the greeting. The last 64 KiB of each output. */
  stdout: string;
  stderr: string;
}

/**
 * Starts DevForge's own programs in workspaces, and says why one ended without an answer.
 *
 * A row must be running: an engine that refuses because its container just stopped is reported as `invalid_state`. Of a bare
 * workspace, the engine's own error is reported.
 */
@Injectable()
export class WorkspacePrograms {
  constructor(
    private readonly driver: WorkspaceDriver,
    private readonly containers: ContainersRepository,
  ) {}

  /** Starts a program whose input stays open. @throws DomainError `invalid_state`; DriverError */
  async open(target: ProgramTarget, program: WorkspaceProgram, options: OpenOptions = {}): Promise<ProgramProcess> {
    const process = await this.start(target, program, options);
    return new ProgramProcess(process, program, options.needs);
  }

  /** Starts a program that is spoken with in frames. @throws as {@link open} */
  async openFramed(
    target: ProgramTarget,
    program: WorkspaceProgram,
    kinds: FrameKinds,
    options: OpenOptions = {},
  ): Promise<FramedProgram> {
    const process = await this.start(target, program, options);
    return new FramedProgram(process, program, kinds, options.needs);
  }

  /**
   * Runs a program to its end.
   * @returns also when it failed: what its exit codes mean is known to the caller
   * @throws DomainError `image_outdated` when the image does not have it, `invalid_state`; DriverError
   */
  async run(target: ProgramTarget, program: WorkspaceProgram, options: RunOptions): Promise<ProgramResult> {
    const { args = [], ...request } = options;
    const { exitCode, stdout, stderr } = await this.reach(target, (workspace) =>
      this.driver.exec(workspace, { ...request, argv: [programPath(program), ...args] }),
    );
    const greeting = new GreetingReader(program);
    const output = Buffer.concat([greeting.push(Buffer.from(stdout)), greeting.end()]).toString('utf8');
    const end = {
      program,
      exitCode,
      stderrTail: `${output}\n${stderr}`,
      version: greeting.version,
      needs: SILENT_VERSION,
    };
    if (isOutdated(end)) throw await this.reasonOf(target, end);
    return { exitCode, stdout: output, stderr };
  }

  /**
   * Why a program ended without the answer that it owed: DomainError `image_outdated`, `workspace_tool_failed`, or, when
   * the container does not run, what {@link open} throws then.
   * @throws DriverError when the engine dropped the connection
   */
  async explain(target: ProgramTarget, process: ProgramProcess): Promise<DomainError | DriverError> {
    return this.reasonOf(target, await process.end());
  }

  /** When the workspace was started, as the engine shows it; undefined when it does not run. */
  async startedAt({ id }: WorkspaceRef): Promise<Date | undefined> {
    const workspace = await this.driver.observe(id);
    return workspace?.state === 'running' ? (workspace.startedAt ?? undefined) : undefined;
  }

  /** A container that is about to stop may answer as if it had no such program, so that is asked first. */
  private async reasonOf(target: ProgramTarget, end: ProgramEnd): Promise<DomainError | DriverError> {
    const cause = causeOf(end);
    const isRunning = (await this.driver.observe(target.id))?.state === 'running';
    if (!('status' in target)) {
      if (!isRunning) return new DriverError('conflict', cause.message, { cause });
    } else {
      const present = (await this.containers.findById(target.id, [target.projectId])) ?? target;
      if (present.status !== 'running' || !isRunning) return notRunning(present, cause);
    }
    return isOutdated(end) ? imageOutdated(cause) : programFailed(end, cause);
  }

  private start(target: ProgramTarget, program: WorkspaceProgram, options: OpenOptions): Promise<WorkspaceProcess> {
    const { args = [], env, signal } = options;
    return this.reach(target, (workspace) =>
      this.driver.open(workspace, { argv: [programPath(program), ...args], env, signal }),
    );
  }

  /** Waits for the end of a moment in which the workspace stands still, as while its files are saved. */
  private async unlessPaused<Result>(
    workspace: WorkspaceRef,
    work: (workspace: WorkspaceRef) => Promise<Result>,
  ): Promise<Result> {
    for (const end = Date.now() + MAX_PAUSE_MS; ; await sleep(PAUSE_POLL_MS)) {
      try {
        return await work(workspace);
      } catch (error) {
        const mayPass = error instanceof DriverError && error.code === 'conflict' && Date.now() < end;
        if (!mayPass || (await this.driver.observe(workspace.id))?.state !== 'paused') throw error;
      }
    }
  }

  private async reach<Result>(
    target: ProgramTarget,
    work: (workspace: WorkspaceRef) => Promise<Result>,
  ): Promise<Result> {
    if (!('status' in target)) return work(target);
    const workspace = requireRunning(target);
    try {
      return await this.unlessPaused(workspace, work);
    } catch (error) {
      // The container has just stopped, was paused or removed; the row follows.
      const isGone = error instanceof DriverError && (error.code === 'conflict' || error.code === 'not_found');
      throw isGone ? notRunning(target, error) : error;
    }
  }
}

function causeOf({ program, exitCode, stderrTail }: ProgramEnd): Error {
  return new Error(`${program} ended with ${exitCode}: ${stderrTail}`);
}
