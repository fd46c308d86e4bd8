import { Injectable } from '@nestjs/common';
import { plainText } from '../../common/plain-text.js';
import { withTimeout } from '../../common/concurrency/with-timeout.js';
import { DomainError } from '../../common/errors/domain-error.js';
import type { PermissionDecision } from '../../persistence/types.js';
import type { ProgramProcess } from '../../workspace/programs/program-process.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import { parseOutcome, type RunnerOutcome } from './runner-outcome.js';

/** The request that the runner's `start` reads. */
export interface RunRequest {
  prompt: string;
  cwd: string;
  permissionMode: 'bypassPermissions' | 'manual';
  /** The session to continue. */
  sessionId: string | null;
  /** Whether to continue the latest session. */
  continue: boolean;
  /** The id for a new session. */
  newSessionId: string;
  model: string | null;
  maxTurns: number | null;
  maxBudgetUsd: number | null;
  timeoutSeconds: number | null;
  stallSeconds: number;
  graceSeconds: number;
  /** How often the run may be resumed after an interruption. */
  resumes: number;
}

export type RunState = 'started' | 'running' | 'interrupted' | 'ended';

/** What a follower receives; `interrupted`: the runner died and wrote no outcome. */
export type FollowedPart =
  { kind: 'events'; lines: Buffer[] } | { kind: 'outcome'; outcome: RunnerOutcome } | { kind: 'interrupted' };

/** The runner in the container failed to do what it was asked. */
export class RunnerError extends Error {
  override readonly name = 'RunnerError';
}

/** A run as one container's runner knows it. */
export interface RunRef {
  workspace: WorkspaceRef;
  instructionId: string;
}

/** What the runner, and with it Claude Code, is started with. */
export interface RunStart {
  request: RunRequest;
  /** Added to the environment of the workspace. */
  env: Record<string, string>;
}

const PROGRAM = 'devforge-instruction';
const ANSWER_TIMEOUT_MS = 30_000;
/** How long a program that wrote something else than its protocol is given to end. */
const EXIT_TIMEOUT_MS = 2_000;
const MAX_QUOTED = 200;
const MAX_ANSWER_LENGTH = 64 * 1024;
/** The runner itself passes on lines of Claude Code up to 16 MiB. */
const MAX_LINE_BYTES = 17 * 1024 * 1024;
/** First bytes of the lines that the runner writes: an event, the outcome, the mark of an interruption, an answer in JSON. */
const [EVENT, OUTCOME, INTERRUPTED, ANSWER] = Buffer.from('EOI{');
const SPACE = ' '.charCodeAt(0);

/**
 * Claude Code in a container, under the supervisor of the workspace image. Every method
 * @throws DriverError when the engine or the container is away; DomainError `image_outdated`, `output_limit_exceeded`;
 *   RunnerError when the runner fails
 */
@Injectable()
export class RunnerClient {
  constructor(private readonly programs: WorkspacePrograms) {}

  /**
   * Starts the run unless it was started before, resumes it when it was interrupted, and follows it from byte `offset` of
   * its events on, at the reader's pace. Ends after the outcome, or with `interrupted`.
   * @throws DriverError `aborted` when the signal does
   */
  async *perform(run: RunRef, start: RunStart, offset: number, signal: AbortSignal): AsyncGenerator<FollowedPart> {
    let state = yield* this.launch(run, 'start', start, offset, signal);
    if (state === 'interrupted') state = yield* this.launch(run, 'resume', start, offset, signal);
    if (state !== 'started') yield* this.follow(run, offset, signal);
  }

  /** Interrupts the run, and keeps it from being started later. Does not wait for its end. */
  async cancel(run: RunRef): Promise<void> {
    await this.ask(run, 'cancel');
  }

  /** @returns `unknown` when no permission of that id is waited for any more */
  answer(
    run: RunRef,
    requestId: string,
    decision: PermissionDecision,
    message?: string,
  ): Promise<'answered' | 'unknown' | 'ended'> {
    return this.ask(run, 'answer', [requestId], { decision, message });
  }

  /**
   * Removes the files of a run that is over. A mark stays, so that a late start, from a process of DevForge that was frozen
   * before it could ask, runs nothing.
   */
  async forget(run: RunRef): Promise<void> {
    await this.run(run, 'remove');
    await this.cancel(run);
  }

  /**
   * Follows a run that was started, or cancelled before, from byte `offset` of its events on; ends as `perform` does.
   * @throws DriverError `aborted` when the signal does
   */
  async *follow(run: RunRef, offset: number, signal: AbortSignal): AsyncGenerator<FollowedPart> {
    const args = ['follow', run.instructionId, String(offset)];
    for await (const lines of this.lines(run, args, signal)) {
      if (yield* toParts(lines)) return;
    }
    throw new RunnerError('follow: the runner ended before the run did');
  }

  /** What the run changed in the repository, as a patch. */
  async *diff(run: RunRef, signal: AbortSignal): AsyncGenerator<Buffer> {
    const args = ['diff', run.instructionId];
    const program = await this.open(run, args, signal);
    try {
      yield* program.output();
      await this.requireSuccess(run, args, program);
    } finally {
      program.close();
    }
  }

  /**
   * Starts the run and follows it with one exec, since a second one would cost the start of another process.
   * @returns `started` when the run was followed here; otherwise the state that prevents a start
   */
  private async *launch(
    run: RunRef,
    command: 'start' | 'resume',
    { request, env }: RunStart,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart, RunState> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), ANSWER_TIMEOUT_MS);
    const args = [command, run.instructionId, 'follow', String(offset)];
    const input = command === 'start' ? JSON.stringify(request) : '';
    let state: RunState | undefined;
    try {
      for await (const lines of this.lines(run, args, AbortSignal.any([signal, late.signal]), { input, env })) {
        if (state === undefined) {
          clearTimeout(timer);
          state = toState<RunState>(command, lines.shift()!.toString());
        }
        if (yield* toParts(lines)) return state;
      }
    } catch (error) {
      if (late.signal.aborted)
        throw new RunnerError(`${command}: the runner did not answer in ${ANSWER_TIMEOUT_MS / 1_000} s`);
      // The next attempt finds how far a run came whose runner died.
      if (state !== 'started' || !(error instanceof RunnerError)) throw error;
    } finally {
      clearTimeout(timer);
    }
    if (state === undefined) throw new RunnerError(`${command}: the runner ended without an answer`);
    if (state === 'started') yield { kind: 'interrupted' };
    return state;
  }

  /** @param input all of the program's input; without it, the input stays open for as long as the output is read */
  private async *lines(
    run: RunRef,
    args: string[],
    signal: AbortSignal,
    { input, env }: { input?: string; env?: Record<string, string> } = {},
  ): AsyncGenerator<Buffer[]> {
    const program = await this.open(run, args, signal, env);
    try {
      if (input !== undefined) program.stdin.end(input);
      for await (const lines of program.lines(MAX_LINE_BYTES)) {
        const stranger = lines.findIndex((line) => !isOfRunner(line));
        if (stranger !== 0) yield stranger < 0 ? lines : lines.slice(0, stranger);
        if (stranger >= 0) await this.rejectLine(run, args, program, lines[stranger]!);
      }
      await this.requireSuccess(run, args, program);
    } finally {
      program.close();
    }
  }

  private async open(
    { workspace }: RunRef,
    args: string[],
    signal: AbortSignal,
    env?: Record<string, string>,
  ): Promise<ProgramProcess> {
    const program = await this.programs.open(workspace, PROGRAM, { args, env, signal });
    program.closeOn(signal);
    return program;
  }

  /** The line may be the engine's, which could not start the program: the exit code tells. */
  private async rejectLine(run: RunRef, args: string[], program: ProgramProcess, line: Buffer): Promise<never> {
    program.note(line);
    const end = await withTimeout(program.end(), EXIT_TIMEOUT_MS).catch(() => undefined);
    if (end !== undefined) await this.requireSuccess(run, args, program);
    throw new RunnerError(`${args[0]}: the runner wrote ${quoted(line.toString())}`);
  }

  private async requireSuccess({ workspace }: RunRef, [command]: string[], program: ProgramProcess): Promise<void> {
    const { exitCode, stderrTail } = await program.end();
    if (exitCode === 0) return;
    const reason = await this.programs.explain(workspace, program);
    if (reason instanceof DomainError && reason.code === 'workspace_tool_failed')
      throw new RunnerError(`${command}: the runner ended with ${exitCode}: ${stderrTail}`);
    throw reason;
  }

  private async ask<State extends string>(
    run: RunRef,
    command: string,
    args: string[] = [],
    input?: object,
  ): Promise<State> {
    return toState<State>(command, await this.run(run, command, args, input));
  }

  private async run(
    { workspace, instructionId }: RunRef,
    command: string,
    args: string[] = [],
    input?: object,
  ): Promise<string> {
    const { exitCode, stdout, stderr } = await this.programs.run(workspace, PROGRAM, {
      args: [command, instructionId, ...args],
      stdin: input === undefined ? '' : JSON.stringify(input),
      timeoutMs: ANSWER_TIMEOUT_MS,
    });
    if (exitCode !== 0) throw new RunnerError(`${command}: the runner ended with ${exitCode}: ${stderr.trim()}`);
    return stdout;
  }
}

/** Whether the line is of the runner's protocol, and not the engine's report of a program that it cannot start. */
function isOfRunner(line: Buffer): boolean {
  const [first, second] = line;
  if (first === EVENT || first === OUTCOME) return second === SPACE;
  return first === INTERRUPTED || first === ANSWER;
}

function toState<State extends string>(command: string, answer: string): State {
  if (answer.length > MAX_ANSWER_LENGTH) throw new RunnerError(`${command}: the runner answered too much`);
  try {
    return (JSON.parse(answer) as { state: State }).state;
  } catch {
    throw new RunnerError(`${command}: the runner answered ${quoted(answer)}`);
  }
}

/** @returns whether the last of the parts is an end */
function* toParts(lines: Buffer[]): Generator<FollowedPart, boolean> {
  const end = lines.findIndex((line) => line[0] !== EVENT);
  const events = end < 0 ? lines : lines.slice(0, end);
  if (events.length > 0) yield { kind: 'events', lines: events.map((line) => line.subarray(2)) };
  if (end >= 0) yield toEnd(lines[end]!);
  return end >= 0;
}

function toEnd(line: Buffer): FollowedPart {
  if (line[0] === INTERRUPTED) return { kind: 'interrupted' };
  if (line[0] !== OUTCOME) throw new RunnerError(`follow: the runner wrote ${quoted(line.toString())}`);
  try {
    return { kind: 'outcome', outcome: parseOutcome(line.subarray(2).toString()) };
  } catch {
    throw new RunnerError('follow: the runner wrote an outcome that is not valid');
  }
}

function quoted(text: string): string {
  return JSON.stringify(plainText(text, MAX_QUOTED));
}
