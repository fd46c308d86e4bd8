import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { until } from '../e2e/until.js';
import { withoutGreeting } from '../workspace-program.js';

const PROGRAM = resolve('images/workspace/rootfs/usr/local/bin/devforge-instruction');
const FAKE_CLAUDE = resolve('test/support/instructions/fake-claude.mjs');

export type Step = [name: string, ...values: unknown[]];

export interface Outcome {
  status: string;
  reason: { code: string; message: string } | null;
  sessionId: string | null;
  result: string | null;
  costUsd: number;
  turns: number;
  usage: Record<string, number> | null;
  startedAt: string;
  finishedAt: string;
  events: number;
  resumes: number;
  exitCode: number | null;
  signal: string | null;
  treeBefore: string | null;
  treeAfter: string | null;
  diffBytes: number;
  diffTruncated: boolean;
}

export interface Call {
  argv: string[];
  prompt: string;
  cwd: string;
  umask: number;
  env: { id: string; key: string };
}

export interface Followed {
  exitCode: number | null;
  /** Event lines as they were printed. */
  events: string[];
  outcome: Outcome | null;
  interrupted: boolean;
}

/** Timeouts that keep tests short, and that a loaded machine keeps. */
export const SHORT_TIMEOUTS = { stallSeconds: 60, graceSeconds: 1, stopSeconds: 0.5 };

/** The prompt of a session that is resumed. */
export const CONTINUATION = 'Continue where you left off.';

/** Claude Code does not end by these signals. */
export const STUBBORN: Step = ['ignore', 'SIGINT', 'SIGTERM'];

/** Runs the real runner on this host, with its own state and working folders and a fake Claude Code. */
export class RunnerHarness {
  readonly id: string = randomUUID();
  readonly session: string = randomUUID();
  claude = FAKE_CLAUDE;

  private constructor(readonly folder: string) {}

  static async create(): Promise<RunnerHarness> {
    const folder = await mkdtemp(join(tmpdir(), 'devforge-runner-'));
    await chmod(folder, 0o711);
    await mkdir(join(folder, 'work'));
    return new RunnerHarness(folder);
  }

  get work(): string {
    return join(this.folder, 'work');
  }

  file(name: string): string {
    return join(this.folder, 'state', this.id, name);
  }

  request(attempts: Step[][], extra: object = {}): object {
    return {
      prompt: JSON.stringify(attempts),
      cwd: this.work,
      permissionMode: 'bypassPermissions',
      newSessionId: this.session,
      ...SHORT_TIMEOUTS,
      ...extra,
    };
  }

  spawn(command: string, ...args: string[]): ChildProcess {
    return this.call([command, this.id, ...args]);
  }

  private call(args: string[]): ChildProcess {
    return spawn(PROGRAM, [`--state=${join(this.folder, 'state')}`, `--claude=${this.claude}`, ...args], {
      cwd: '/',
      env: {
        PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
        HOME: this.folder,
        CLAUDE_CONFIG_DIR: join(this.folder, 'config'),
        FAKE_CLAUDE_LOG: join(this.folder, 'calls.ndjson'),
        ANTHROPIC_API_KEY: 'sk-test-secret',
      },
    });
  }

  async run(
    command: string,
    args: string[] = [],
    input = '',
    id: string = this.id,
  ): Promise<{ exitCode: number | null; stdout: string; stderr: string }> {
    const child = this.call([command, id, ...args]);
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout!), text(child.stderr!), ended]);
    return { exitCode, stdout: withoutGreeting(stdout), stderr };
  }

  /** @returns the `state` in the command's answer */
  async stateOf(command: string, args: string[] = [], input?: object): Promise<string> {
    const { exitCode, stdout, stderr } = await this.run(command, args, JSON.stringify(input));
    if (exitCode !== 0) throw new Error(`${command} ended with ${exitCode}: ${stderr}`);
    return (JSON.parse(stdout) as { state: string }).state;
  }

  start(attempts: Step[][], extra?: object): Promise<string> {
    return this.stateOf('start', [], this.request(attempts, extra));
  }

  /** Follows the run from an offset to its end. */
  follow(offset = 0): Promise<Followed> {
    return this.readFollowed(this.spawn('follow', String(offset)));
  }

  /** Starts and follows the run with one command. */
  async startAndFollow(attempts: Step[][], extra?: object): Promise<Followed & { state: string }> {
    const child = this.spawn('start', 'follow');
    child.stdin!.end(JSON.stringify(this.request(attempts, extra)));
    return this.readAnswered(child);
  }

  resumeAndFollow(offset: number): Promise<Followed & { state: string }> {
    return this.readAnswered(this.spawn('resume', 'follow', String(offset)));
  }

  private async readAnswered(child: ChildProcess): Promise<Followed & { state: string }> {
    const { first, ...followed } = await this.readFollowed(child);
    return { state: (JSON.parse(first) as { state: string }).state, ...followed };
  }

  private async readFollowed(child: ChildProcess): Promise<Followed & { first: string }> {
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const [stdout, exitCode] = await Promise.all([buffer(child.stdout!), ended]);
    const lines = withoutGreeting(stdout.toString('utf8')).split('\n').slice(0, -1);
    const last = lines.at(-1) ?? '';
    return {
      first: lines[0] ?? '',
      exitCode,
      events: lines.filter((line) => line.startsWith('E ')).map((line) => line.slice(2)),
      outcome: last.startsWith('O ') ? (JSON.parse(last.slice(2)) as Outcome) : null,
      interrupted: last === 'I',
    };
  }

  /** Starts the run, follows it to its end and returns the outcome. */
  async outcome(attempts: Step[][], extra?: object): Promise<Outcome> {
    await this.start(attempts, extra);
    const { outcome } = await this.follow();
    if (!outcome) throw new Error('The run has no outcome');
    return outcome;
  }

  read(file: string): Promise<string> {
    return readFile(file, 'utf8');
  }

  /** @returns the files of this harness that contain the text */
  async grep(text: string): Promise<string[]> {
    return (await this.shell(`grep -rlF -- '${text}' ${this.folder} || true`)).split('\n').filter(Boolean);
  }

  /** Runs a command in the working folder. @returns its output */
  async shell(command: string): Promise<string> {
    const child = spawn('bash', ['-ec', command], { cwd: this.work, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<number | null>((done) => child.once('close', done));
    const printed = await text(child.stdout);
    if ((await ended) !== 0) throw new Error(`failed: ${command}`);
    return printed;
  }

  /** The entries of the fake Claude Code's log, in order. */
  async notes(): Promise<Record<string, unknown>[]> {
    const notes = await readFile(join(this.folder, 'calls.ndjson'), 'utf8').catch(() => '');
    return notes
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async calls(): Promise<Call[]> {
    return (await this.notes()).filter((note) => 'argv' in note) as unknown as Call[];
  }

  events(): Promise<string[]> {
    return readFile(this.file('events.ndjson'), 'utf8').then(
      (lines) => lines.split('\n').slice(0, -1),
      () => [],
    );
  }

  /** Waits for an event that contains the text. */
  async waitForEvent(text: string): Promise<void> {
    await until(`an event with ${text}`, async () => (await this.events()).some((line) => line.includes(text)), 30_000);
  }

  /** Process id of the runner. */
  async runnerPid(): Promise<number> {
    const pids = await processesWith(`${this.id}`, 'main.mjs');
    // A child has its parent's command line between fork and exec.
    const runners = pids.filter((pid) => !pids.includes(parentOf(pid)));
    if (runners.length !== 1) throw new Error(`${runners.length} runners instead of one`);
    return runners[0]!;
  }

  /** Process ids of Claude Code and its children. */
  async claudePids(): Promise<number[]> {
    return processesOfInstruction(this.id);
  }

  async dispose(): Promise<void> {
    for (const pid of [...(await processesWith(this.id, 'main.mjs')), ...(await processesOfInstruction(this.id))])
      kill(pid);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function processes(file: string, match: (content: string) => boolean): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    pids.map(async (pid) => match(await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => ''))),
  );
  return pids.filter((_, index) => found[index]).map(Number);
}

function processesWith(...texts: string[]): Promise<number[]> {
  return processes('cmdline', (line) => texts.every((text) => line.includes(text)));
}

function processesOfInstruction(id: string): Promise<number[]> {
  return processes('environ', (environ) => environ.includes(`DEVFORGE_INSTRUCTION_ID=${id}`));
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has ended by itself.
  }
}

/** Whether a process exists and is not a zombie. */
export function isAlive(pid: number): boolean {
  const [state] = statOf(pid);
  return state !== undefined && state !== 'Z';
}

/** Process id of the parent, or `NaN` for a process that has ended. */
function parentOf(pid: number): number {
  return Number(statOf(pid)[1]);
}

/** Fields of `/proc/<pid>/stat` from the state on, or none for a process that has ended. */
function statOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)!.split(' ');
  } catch {
    return [];
  }
}
