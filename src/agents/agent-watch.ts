import type { PinoLogger } from 'nestjs-pino';
import type { Clock } from '../common/time/clock.js';
import type { AgentStates } from '../agent-state/agent-states.js';
import type { WorkspaceDriver } from '../drivers/workspace-driver.js';
import type { WorkspaceRef } from '../drivers/workspace.js';
import type { WorkspaceProcess } from '../drivers/workspace-process.js';
import { readAgentLine } from './agent-line.js';
import { LatestLine } from './latest-line.js';

const ARGV = ['/usr/local/bin/devforge-agents', 'watch'];
/** What a shell says of a program that is not there, or is none: an image of an earlier DevForge. */
const NO_SUCH_PROGRAM = [126, 127];
const RETRY_MS = { first: 200, longest: 3_000 };
/** One that lasted this long began well. */
const LASTING_MS = 10_000;
/** The container writes what it likes; more often than this nobody looks. */
const PAUSE_MS = 100;

/** The process in one running container that tells what its agent does. It is opened again when it ends. */
export class AgentWatch {
  private readonly stopped = new AbortController();
  private process: WorkspaceProcess | undefined;

  constructor(
    readonly workspace: WorkspaceRef,
    private readonly driver: WorkspaceDriver,
    private readonly states: AgentStates,
    private readonly clock: Clock,
    private readonly logger: PinoLogger,
  ) {}

  /** Until {@link close}, or until it is known that the container cannot tell. */
  async run(): Promise<void> {
    let retryMs = RETRY_MS.first;
    while (!this.stopped.signal.aborted) {
      const begun = this.clock.now().getTime();
      try {
        const exitCode = await this.follow();
        this.forget();
        if (NO_SUCH_PROGRAM.includes(exitCode))
          return this.logger.info(
            { containerId: this.workspace.id },
            'The image of a container is too old to tell what its agent does',
          );
      } catch (error) {
        // After a stream that broke off, the first failure to open another says that nothing is known any more.
        if (this.process === undefined) this.forget();
        this.logger.debug(
          { err: error, containerId: this.workspace.id },
          'The watch of an agent broke and is taken up again',
        );
      }
      if (this.clock.now().getTime() - begun >= LASTING_MS) retryMs = RETRY_MS.first;
      await this.clock.sleep(retryMs, this.stopped.signal);
      retryMs = Math.min(retryMs * 2, RETRY_MS.longest);
    }
  }

  /** The process in the container ends with its input. */
  close(): void {
    if (this.stopped.signal.aborted) return;
    this.stopped.abort();
    this.process?.close();
    this.states.clear(this.workspace.id, 'watch');
  }

  /** @returns the exit code of the process @throws DriverError when the engine lets go of it */
  private async follow(): Promise<number> {
    this.process = undefined;
    const process = await this.driver.open(this.workspace, { argv: ARGV, signal: this.stopped.signal });
    if (this.stopped.signal.aborted) process.close();
    this.process = process;
    process.stdin.on('error', () => undefined);
    process.stderr.on('error', () => undefined).resume();
    const latest = new LatestLine();
    process.stdout.setEncoding('utf8');
    for await (const piece of process.stdout as AsyncIterable<string>) {
      const report = readAgentLine(latest.push(piece) ?? '');
      if (report === undefined || this.stopped.signal.aborted) continue;
      this.states.report(this.workspace.id, 'watch', report);
      await this.clock.sleep(PAUSE_MS, this.stopped.signal);
    }
    return process.exit;
  }

  private forget(): void {
    if (!this.stopped.signal.aborted) this.states.clear(this.workspace.id, 'watch');
  }
}
