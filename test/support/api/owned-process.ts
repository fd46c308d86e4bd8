import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { findTool } from './tool.js';

/** How a process ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface OwnedProcessOptions {
  cwd?: string;
  /** The whole environment; nothing is inherited. */
  env?: NodeJS.ProcessEnv;
}

const OUTPUT_LIMIT_CHARS = 4 * 1024 * 1024;

/**
 * A real process that belongs to the test that started it: its output is kept, it is ended by its own id only,
 * and it receives SIGTERM when the test runner dies (Linux, where `setpriv` exists).
 */
export class OwnedProcess {
  /** Resolves when the process has ended; never rejects. */
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcess;
  private chunks = '';
  private ending: Exit | null = null;

  private constructor(command: string, args: string[], options: OwnedProcessOptions) {
    const [file, ...rest] = [...dieWithParent(), command, ...args] as [string, ...string[]];
    this.child = spawn(file, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.keep(text));
    }
    this.exited = new Promise((resolve) => {
      // 'exit', not 'close': grandchildren of a killed server keep its pipes open.
      this.child.once('exit', (code, signal) => resolve(this.finish({ code, signal })));
      this.child.once('error', (error) => {
        this.keep(`${error.message}\n`);
        if (this.child.pid === undefined) resolve(this.finish({ code: null, signal: null }));
      });
    });
  }

  static start(command: string, args: string[], options: OwnedProcessOptions = {}): OwnedProcess {
    return new OwnedProcess(command, args, options);
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** `null` while it runs. */
  get exit(): Exit | null {
    return this.ending;
  }

  /** What it wrote so far to stdout and stderr, the last 4 Mi characters at most. */
  output(): string {
    return this.chunks;
  }

  /** The last lines of its output, for error messages. */
  lastLines(count = 20): string {
    return this.chunks.trimEnd().split('\n').slice(-count).join('\n');
  }

  /** Sends a signal; does nothing once it has ended. */
  signal(signal: NodeJS.Signals): void {
    if (!this.ending) this.child.kill(signal);
  }

  /** Ends it and waits: `signal` first, SIGKILL after `graceMs`. */
  async end(signal: NodeJS.Signals = 'SIGTERM', graceMs = 5_000): Promise<Exit> {
    this.signal(signal);
    const timer = new AbortController();
    const grace = sleep(graceMs, undefined, { signal: timer.signal }).then(
      () => this.signal('SIGKILL'),
      () => undefined,
    );
    const exit = await this.exited;
    timer.abort();
    await grace;
    return exit;
  }

  /**
   * Waits until `isReady` answers true.
   *
   * @throws Error with the last lines of its output when it ends early or `timeoutMs` pass
   */
  async ready(what: string, isReady: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      if (this.ending) {
        const { code, signal } = this.ending;
        throw new Error(`${what} ended early (code ${code}, signal ${signal}):\n${this.lastLines()}`);
      }
      if (await isReady()) return;
      if (Date.now() > deadline) throw new Error(`${what} was not ready in ${timeoutMs} ms:\n${this.lastLines()}`);
      await sleep(25);
    }
  }

  private keep(text: string): void {
    this.chunks = (this.chunks + text).slice(-OUTPUT_LIMIT_CHARS);
  }

  private finish(exit: Exit): Exit {
    this.ending = exit;
    const release = setTimeout(() => {
      this.child.stdout?.destroy();
      this.child.stderr?.destroy();
    }, 200);
    release.unref();
    return exit;
  }
}

let wrapper: string[] | undefined;

/** The command prefix that makes a child receive SIGTERM when its parent dies; empty where there is none. */
function dieWithParent(): string[] {
  if (wrapper) return wrapper;
  const setpriv = findTool('setpriv');
  const prefix = setpriv ? [setpriv, '--pdeathsig', 'TERM'] : [];
  const works = setpriv !== undefined && spawnSync(setpriv, ['--pdeathsig', 'TERM', 'true']).status === 0;
  wrapper = works ? prefix : [];
  return wrapper;
}
