import { PassThrough, type Readable, type Writable } from 'node:stream';
import type { ProcessRequest, WorkspaceProcess, TerminalSize } from '../workspace-process.js';
import { DriverError } from '../driver-error.js';

/** The inside of a played process. */
export interface FakeProcessSide {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
  /** Aborts when the container stops. */
  killed: AbortSignal;
}

/** Plays a process. @returns its exit code */
export type FakeProcessHandler = (request: ProcessRequest, side: FakeProcessSide) => Promise<number>;

export class FakeProcess implements WorkspaceProcess {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<number>;
  /** Every size that the terminal had. */
  readonly sizes: TerminalSize[] = [];
  private readonly killed = new AbortController();
  private end: (outcome: { exitCode: number } | { error: DriverError }) => void = () => undefined;

  constructor(
    readonly request: ProcessRequest,
    handler: FakeProcessHandler,
  ) {
    for (const stream of [this.stdin, this.stdout, this.stderr]) stream.on('error', () => undefined);
    if (request.terminal !== undefined) this.sizes.push(request.terminal);
    this.exit = this.run(handler);
    this.exit.catch(() => undefined);
  }

  async resize(size: TerminalSize): Promise<void> {
    this.sizes.push(size);
  }

  close(): void {
    this.stdin.end();
    this.end({ error: new DriverError('aborted', `open ${this.request.argv[0]}: aborted`) });
  }

  /** The connection to the engine breaks. */
  lose(): void {
    this.stdin.end();
    this.end({ error: new DriverError('unavailable', `open ${this.request.argv[0]}: the connection broke`) });
  }

  /** The container stops. */
  kill(exitCode: number): void {
    this.killed.abort();
    this.end({ exitCode });
  }

  private async run(handler: FakeProcessHandler): Promise<number> {
    const ended = new Promise<{ exitCode: number } | { error: DriverError }>((resolve) => (this.end = resolve));
    const side = { stdin: this.stdin, stdout: this.stdout, stderr: this.stderr, killed: this.killed.signal };
    const outcome = await Promise.race([ended, handler(this.request, side).then((exitCode) => ({ exitCode }))]);
    if ('error' in outcome) {
      this.stdout.destroy(outcome.error);
      this.stderr.destroy(outcome.error);
      throw outcome.error;
    }
    this.stdout.end();
    this.stderr.end();
    return outcome.exitCode;
  }
}
