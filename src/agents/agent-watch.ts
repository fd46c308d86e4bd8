import { StringDecoder } from 'node:string_decoder';
import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/time/clock.js';
import type { AgentStates } from '../agent-state/agent-states.js';
import type { WorkspaceRef } from '../drivers/workspace.js';
import { isOutdated } from '../workspace/programs/program-failure.js';
import type { ProgramProcess } from '../workspace/programs/program-process.js';
import type { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import { readAgentLine } from './agent-line.js';
import { LatestLine } from './latest-line.js';

const RETRY_DELAY_MS = { initial: 200, max: 3_000 };
/** A process that lasted this long resets the retry delay. */
const LASTING_MS = 10_000;
/** Limits the work that a container can cause by writing lines quickly. */
const PAUSE_MS = 100;
/** What it may write besides reports before it is read more slowly. */
const MAX_NOISE_BYTES = 64 * 1024;
/** An engine that was restarted leaves the program running and its input open, so it ends when it hears nothing for so long. */
const ALIVE_SECONDS = 60;
const HEARTBEAT_MS = 20_000;

export interface AgentWatchDependencies {
  programs: WorkspacePrograms;
  states: AgentStates;
  clock: Clock;
  logger: PinoLogger;
}

/** Follows `devforge-agents watch` in one running container, and opens it again when it ends. */
export class AgentWatch {
  private readonly stopped = new AbortController();
  private process: ProgramProcess | undefined;

  /**
   * @param credential reads what the program keeps for Claude Code, as an environment variable
   * @param delayMs how long to wait before the program is first opened
   */
  constructor(
    readonly workspace: WorkspaceRef,
    private readonly credential: () => Promise<Record<string, string>>,
    private readonly parts: AgentWatchDependencies,
    private readonly delayMs = 0,
  ) {}

  /** Resolves after {@link close}, or when the image does not have the program. */
  async run(): Promise<void> {
    const { clock, logger } = this.parts;
    let delayMs = RETRY_DELAY_MS.initial;
    /** When the container was started that had no such program. */
    let missingSince: number | undefined;
    if (this.delayMs > 0) await clock.sleep(this.delayMs, this.stopped.signal);
    while (!this.stopped.signal.aborted) {
      const openedAt = clock.now().getTime();
      try {
        const isMissing = await this.follow();
        this.forget();
        const startedAt = isMissing ? await this.startedAt() : undefined;
        // A container that is about to stop gives the same answer, so it has to come twice from one that runs all the time.
        if (startedAt !== undefined && startedAt === missingSince)
          return logger.info(
            { containerId: this.workspace.id },
            'The image of a container is too old to report the state of its agent',
          );
        missingSince = startedAt;
      } catch (error) {
        // A broken stream alone does not clear the state; it is cleared when no new process can be opened.
        if (this.process === undefined) this.forget();
        logger.debug({ err: error, containerId: this.workspace.id }, 'The watch of an agent failed and is restarted');
      }
      if (clock.now().getTime() - openedAt >= LASTING_MS) delayMs = RETRY_DELAY_MS.initial;
      await clock.sleep(delayMs, this.stopped.signal);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS.max);
    }
  }

  /** Ends the process in the container by closing its input. */
  close(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.process?.close();
    this.parts.states.clear(this.workspace.id, 'watch');
  }

  /** @returns whether the image does not have the program @throws DriverError when the connection to it is lost */
  private async follow(): Promise<boolean> {
    const { programs, states, clock } = this.parts;
    this.process = undefined;
    const credential = await this.credential();
    const process = await programs.open(this.workspace, 'devforge-agents', {
      args: ['watch'],
      signal: this.stopped.signal,
    });
    if (this.stopped.signal.aborted) process.close();
    this.process = process;
    process.stdin.on('error', () => undefined);
    const ended = new AbortController();
    void this.speak(process, credential, AbortSignal.any([ended.signal, this.stopped.signal]));
    try {
      const latest = new LatestLine();
      const decoder = new StringDecoder('utf8');
      let noise = 0;
      for await (const chunk of process.output()) {
        const report = readAgentLine(latest.push(decoder.write(chunk)) ?? '');
        if (report !== undefined && !this.stopped.signal.aborted) states.report(this.workspace.id, 'watch', report);
        if (report === undefined) {
          process.note(chunk);
          noise += chunk.length;
        }
        if (report !== undefined || noise > MAX_NOISE_BYTES) await clock.sleep(PAUSE_MS, this.stopped.signal);
      }
      return isOutdated(await process.end());
    } finally {
      ended.abort();
    }
  }

  /** Gives the credential, and then signs of life. Programs of older images take no notice of either. */
  private async speak(
    { stdin }: ProgramProcess,
    credential: Record<string, string>,
    ended: AbortSignal,
  ): Promise<void> {
    const [variable] = Object.entries(credential);
    stdin.write(variable === undefined ? 'credential\n' : `credential ${variable.join('=')}\n`);
    while (!ended.aborted && stdin.writable) {
      if (!stdin.writableNeedDrain) stdin.write(`alive ${ALIVE_SECONDS}\n`);
      await this.parts.clock.sleep(HEARTBEAT_MS, ended);
    }
  }

  private async startedAt(): Promise<number | undefined> {
    return (await this.parts.programs.startedAt(this.workspace))?.getTime();
  }

  private forget(): void {
    if (!this.stopped.signal.aborted) this.parts.states.clear(this.workspace.id, 'watch');
  }
}
