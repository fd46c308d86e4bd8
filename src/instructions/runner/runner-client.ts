import { Injectable } from '@nestjs/common';
import type { PermissionDecision } from '../../persistence/types.js';
import { WorkspaceDriver } from '../../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { byteLines } from './byte-lines.js';
import { parseOutcome, type RunnerOutcome } from './runner-outcome.js';

/** What the runner is to do; its `start` reads this. */
export interface RunRequest {
  prompt: string;
  cwd: string;
  permissionMode: 'bypassPermissions' | 'manual';
  /** The session to go on with. */
  sessionId: string | null;
  /** Go on with the latest session. */
  continue: boolean;
  /** The id of a session that is begun. */
  newSessionId: string;
  model: string | null;
  maxTurns: number | null;
  maxBudgetUsd: number | null;
  timeoutSeconds: number | null;
  stallSeconds: number;
  graceSeconds: number;
  /** How often it may be taken up again, whatever broke it off. */
  resumes: number;
}

export type RunState = 'started' | 'running' | 'interrupted' | 'ended';

/** What a follower is told; `interrupted`: the runner died and wrote no outcome. */
export type FollowedPart =
  { kind: 'events'; lines: Buffer[] } | { kind: 'outcome'; outcome: RunnerOutcome } | { kind: 'interrupted' };

/** The runner in the container does not do what it is asked. */
export class RunnerError extends Error {
  constructor(
    /** `missing`: the image has none. */
    readonly code: 'missing' | 'failed',
    message: string,
  ) {
    super(message);
    this.name = 'RunnerError';
  }
}

/** A run as one container's runner knows it. */
export interface RunRef {
  workspace: WorkspaceRef;
  instructionId: string;
}

const COMMAND = '/usr/local/bin/devforge-instruction';
const TIMEOUT_MS = 30_000;
const CANNOT_RUN = [126, 127];
const KEPT_STDERR = 2_000;
/** First letters of the lines that a follower is given. */
const EVENT = 'E'.charCodeAt(0);
const OUTCOME = 'O'.charCodeAt(0);
const INTERRUPTED = 'I'.charCodeAt(0);

/**
 * Claude Code in a container, under the supervisor that the workspace image brings along. Every method
 * @throws DriverError when the engine or the container is away, RunnerError when the runner fails
 */
@Injectable()
export class RunnerClient {
  constructor(private readonly driver: WorkspaceDriver) {}

  /**
   * Starts the run unless it was started before, takes it up again when it was interrupted, and follows it: what it
   * writes from byte `offset` on, at the reader's pace. Ends after the outcome, or with `interrupted`.
   * @throws DriverError `aborted` when the signal does
   */
  async *perform(
    place: RunRef,
    request: RunRequest,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart> {
    let state = yield* this.launch(place, 'start', JSON.stringify(request), offset, signal);
    if (state === 'interrupted') state = yield* this.launch(place, 'resume', '', offset, signal);
    if (state !== 'started') yield* this.follow(place, offset, signal);
  }

  /** Interrupts the run, and keeps it from being started later. Does not wait for its end. */
  async cancel(place: RunRef): Promise<void> {
    await this.ask(place, 'cancel');
  }

  /** @returns `unknown` when nothing of that id is asked any more */
  answer(
    place: RunRef,
    requestId: string,
    decision: PermissionDecision,
    message?: string,
  ): Promise<'answered' | 'unknown' | 'ended'> {
    return this.ask(place, 'answer', [requestId], { decision, message });
  }

  /**
   * Takes away what a run that is over has left. A mark stays, so that a start that comes late, from a process that was
   * frozen before it could ask, runs nothing.
   */
  async forget(place: RunRef): Promise<void> {
    await this.run(place, 'remove');
    await this.cancel(place);
  }

  /**
   * What a run that was begun, or cancelled before, writes from byte `offset` on; ends as `perform` does.
   * @throws DriverError `aborted` when the signal does
   */
  async *follow(place: RunRef, offset: number, signal: AbortSignal): AsyncGenerator<FollowedPart> {
    for await (const lines of byteLines(this.output(place, ['follow', place.instructionId, String(offset)], signal))) {
      if (yield* toParts(lines)) return;
    }
    throw new RunnerError('failed', 'follow: the runner ended before the run did');
  }

  /** What the run changed in the repository, as a patch. */
  diff(place: RunRef, signal: AbortSignal): AsyncGenerator<Buffer> {
    return this.output(place, ['diff', place.instructionId], signal);
  }

  /**
   * One exec starts the run and follows it, since a second one would cost the start of another process.
   * @returns `started` when the run was followed from here; otherwise what speaks against a start
   */
  private async *launch(
    place: RunRef,
    command: 'start' | 'resume',
    input: string,
    offset: number,
    signal: AbortSignal,
  ): AsyncGenerator<FollowedPart, RunState> {
    const patience = new AbortController();
    const timer = setTimeout(() => patience.abort(), TIMEOUT_MS);
    const argv = [command, place.instructionId, 'follow', String(offset)];
    let state: RunState | undefined;
    try {
      for await (const lines of byteLines(
        this.output(place, argv, AbortSignal.any([signal, patience.signal]), input),
      )) {
        if (state === undefined) {
          clearTimeout(timer);
          state = toState<RunState>(command, lines.shift()!.toString());
        }
        if (yield* toParts(lines)) return state;
      }
    } catch (error) {
      if (patience.signal.aborted)
        throw new RunnerError('failed', `${command}: the runner did not answer in ${TIMEOUT_MS / 1_000} s`);
      // A run that died is told of by the next attempt, which finds how far it came.
      if (state !== 'started' || !(error instanceof RunnerError)) throw error;
    } finally {
      clearTimeout(timer);
    }
    if (state === undefined) throw new RunnerError('failed', `${command}: the runner ended without an answer`);
    if (state === 'started') yield { kind: 'interrupted' };
    return state;
  }

  /** @param input all of the command's input; without it, the input stays open for as long as the output is read */
  private async *output(
    { workspace }: RunRef,
    args: string[],
    signal: AbortSignal,
    input?: string,
  ): AsyncGenerator<Buffer> {
    const process = await this.driver.open(workspace, { argv: [COMMAND, ...args], signal });
    const close = (): void => process.close();
    signal.addEventListener('abort', close, { once: true });
    if (signal.aborted) close();
    try {
      const stderr = tailOf(process);
      if (input !== undefined) process.stdin.end(input);
      for await (const chunk of process.stdout) yield chunk as Buffer;
      const exitCode = await process.exit;
      if (exitCode !== 0) throw failureOf(args[0]!, exitCode, stderr());
    } finally {
      signal.removeEventListener('abort', close);
      close();
    }
  }

  private async ask<State extends string>(
    place: RunRef,
    command: string,
    args: string[] = [],
    input?: object,
  ): Promise<State> {
    return toState<State>(command, await this.run(place, command, args, input));
  }

  private async run(
    { workspace, instructionId }: RunRef,
    command: string,
    args: string[] = [],
    input?: object,
  ): Promise<string> {
    const stdin = input === undefined ? '' : JSON.stringify(input);
    const argv = [COMMAND, command, instructionId, ...args];
    const { exitCode, stdout, stderr } = await this.driver.exec(workspace, {
      argv,
      stdin,
      timeoutMs: TIMEOUT_MS,
    });
    if (exitCode !== 0) throw failureOf(command, exitCode, stderr);
    return stdout;
  }
}

function toState<State extends string>(command: string, answer: string): State {
  try {
    return (JSON.parse(answer) as { state: State }).state;
  } catch {
    throw new RunnerError('failed', `${command}: the runner answered ${JSON.stringify(answer.slice(0, 200))}`);
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
  if (line[0] !== OUTCOME)
    throw new RunnerError('failed', `follow: the runner wrote ${JSON.stringify(line.toString().slice(0, 200))}`);
  try {
    return { kind: 'outcome', outcome: parseOutcome(line.subarray(2).toString()) };
  } catch (error) {
    throw new RunnerError('failed', `follow: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function failureOf(command: string, exitCode: number, stderr: string): RunnerError {
  if (CANNOT_RUN.includes(exitCode))
    return new RunnerError(
      'missing',
      'The image of this container cannot run instructions; create the container anew.',
    );
  return new RunnerError(
    'failed',
    `${command}: the runner ended with ${exitCode}: ${stderr.trim().slice(-KEPT_STDERR)}`,
  );
}

/** Reads what the command complains about, so that it never waits for a reader. */
function tailOf({ stderr }: WorkspaceProcess): () => string {
  let tail = '';
  stderr.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-KEPT_STDERR)));
  stderr.on('error', () => undefined);
  return () => tail;
}
