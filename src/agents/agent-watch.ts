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

/** Follows `devforge-agents watch` in one running container, and opens it again when it ends. */
export class AgentWatch {
  private readonly stopped = new AbortController();
  private process: ProgramProcess | undefined;

  constructor(
    readonly workspace: WorkspaceRef,
    private readonly programs: WorkspacePrograms,
    private readonly states: AgentStates,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {}

  /** Resolves after {@link close}, or when the image does not have the program. */
  async run(): Promise<void> {
    let delayMs = RETRY_DELAY_MS.initial;
    while (!this.stopped.signal.aborted) {
      const startedAt = this.clock.now().getTime();
      try {
        const isMissing = await this.follow();
        this.forget();
        if (isMissing)
          return this.logger.info(
            { containerId: this.workspace.id },
            'The image of a container is too old to report the state of its agent',
          );
      } catch (error) {
        // A broken stream alone does not clear the state; it is cleared when no new process can be opened.
        if (this.process === undefined) this.forget();
        this.logger.debug(
          { err: error, containerId: this.workspace.id },
          'The watch of an agent failed and is restarted',
        );
      }
      if (this.clock.now().getTime() - startedAt >= LASTING_MS) delayMs = RETRY_DELAY_MS.initial;
      await this.clock.sleep(delayMs, this.stopped.signal);
      delayMs = Math.min(delayMs * 2, RETRY_DELAY_MS.max);
    }
  }

  /** Ends the process in the container by closing its input. */
  close(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.process?.close();
    this.states.clear(this.workspace.id, 'watch');
  }

  /** @returns whether the image does not have the program @throws DriverError when the connection to it is lost */
  private async follow(): Promise<boolean> {
    this.process = undefined;
    const process = await this.programs.open(this.workspace, 'devforge-agents', {
      args: ['watch'],
      signal: this.stopped.signal,
    });
    if (this.stopped.signal.aborted) process.close();
    this.process = process;
    process.stdin.on('error', () => undefined);
    const latest = new LatestLine();
    const decoder = new StringDecoder('utf8');
    for await (const chunk of process.output()) {
      const report = readAgentLine(latest.push(decoder.write(chunk)) ?? '');
      if (report === undefined) process.note(chunk);
      if (report === undefined || this.stopped.signal.aborted) continue;
      this.states.report(this.workspace.id, 'watch', report);
      await this.clock.sleep(PAUSE_MS, this.stopped.signal);
    }
    return isOutdated(await process.end());
  }

  private forget(): void {
    if (!this.stopped.signal.aborted) this.states.clear(this.workspace.id, 'watch');
  }
}
