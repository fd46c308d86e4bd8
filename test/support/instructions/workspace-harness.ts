import { randomUUID } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { Engine } from '../api/engine.js';
import { until } from '../e2e/until.js';
import { withoutGreeting } from '../workspace-program.js';
import type { Outcome } from './runner-harness.js';

const MIB = 1024 * 1024;

export interface RunEvent {
  type: string;
  subtype?: string;
  session_id?: string;
  request_id?: string;
  [field: string]: unknown;
}

/** The output of one `start ID follow` or `resume ID follow`. */
export interface FollowedRun {
  state: string;
  events: RunEvent[];
  outcome: Outcome | null;
}

/** A workspace container like those of DevForge, with the real Claude Code and the real runner. */
export class WorkspaceHarness {
  private constructor(
    private readonly engine: Engine,
    readonly dockerId: string,
  ) {}

  static async create(image: string, memoryMiB = 2048): Promise<WorkspaceHarness> {
    const engine = new Engine();
    const created = await engine.docker.createContainer({
      name: `devforge-test-${randomUUID()}`,
      Image: image,
      User: '1000:1000',
      HostConfig: {
        Init: true,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        Memory: memoryMiB * MIB,
        MemorySwap: memoryMiB * MIB,
        PidsLimit: 512,
        OomScoreAdj: 500,
        CgroupnsMode: 'private',
        Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,mode=1777' },
      },
    });
    await created.start();
    return new WorkspaceHarness(engine, created.id);
  }

  async dispose(): Promise<void> {
    await this.container.remove({ force: true, v: true });
  }

  async restart(): Promise<void> {
    await this.container.kill();
    await this.container.start();
  }

  async stopAndStart(): Promise<void> {
    await this.container.stop({ t: 5 });
    await this.container.start();
  }

  /** An instruction that is not started yet. */
  instruction(prompt: string, env: Record<string, string>, extra: object = {}): Instruction {
    return new Instruction(this, prompt, env, extra);
  }

  /** Runs a shell command. @returns its output */
  async shell(command: string): Promise<string> {
    const { exitCode, stdout } = await this.run(['bash', '-ec', command]);
    if (exitCode !== 0) throw new Error(`exited with ${exitCode}: ${command}`);
    return stdout;
  }

  async run(
    argv: string[],
    env: Record<string, string> = {},
    input?: string,
  ): Promise<{ exitCode: number | null; stdout: string }> {
    const { exec, stream, stdout } = await this.open(argv, env);
    stream.end(input);
    const printed = await buffer(stdout);
    const { ExitCode } = await exec.inspect();
    return { exitCode: ExitCode, stdout: printed.toString('utf8') };
  }

  /** Starts a program and leaves its input open. */
  async open(argv: string[], env: Record<string, string> = {}) {
    const exec = await this.container.exec({
      Cmd: argv,
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    this.engine.docker.modem.demuxStream(stream, stdout, stderr);
    stream.once('close', () => stdout.end());
    stream.once('end', () => stdout.end());
    stderr.resume();
    return { exec, stream, stdout };
  }

  private get container() {
    return this.engine.docker.getContainer(this.dockerId);
  }
}

export class Instruction {
  readonly id: string = randomUUID();
  readonly session: string = randomUUID();

  constructor(
    private readonly workspace: WorkspaceHarness,
    private readonly prompt: string,
    private readonly env: Record<string, string>,
    private readonly extra: object,
  ) {}

  /** Starts the run and follows it until it ends, or until its container or runner does. */
  start(): Promise<FollowedRun> {
    const request = {
      prompt: this.prompt,
      cwd: '/workspace',
      permissionMode: 'bypassPermissions',
      newSessionId: this.session,
      stallSeconds: 120,
      graceSeconds: 10,
      stopSeconds: 3,
      ...this.extra,
    };
    return this.follow('start', JSON.stringify(request), 'follow');
  }

  resume(): Promise<FollowedRun> {
    return this.follow('resume', '', 'follow', '0');
  }

  async outcome(): Promise<Outcome> {
    const { outcome, state: stateOf } = await this.start();
    if (!outcome) throw new Error(`no outcome, ${stateOf}`);
    return outcome;
  }

  async state(command: string, args: string[] = [], input: object = {}): Promise<string> {
    const { stdout } = await this.workspace.run(
      ['devforge-instruction', command, this.id, ...args],
      {},
      JSON.stringify(input),
    );
    return (JSON.parse(withoutGreeting(stdout)) as { state: string }).state;
  }

  async diff(): Promise<string> {
    return withoutGreeting((await this.workspace.run(['devforge-instruction', 'diff', this.id])).stdout);
  }

  async events(): Promise<RunEvent[]> {
    return parse(await this.workspace.shell(`cat /var/lib/devforge/instructions/${this.id}/events.ndjson`));
  }

  /** Waits for an event that matches. */
  waitForEvent(matches: (event: RunEvent) => boolean): Promise<RunEvent> {
    return until('the event', async () => (await this.events()).find(matches), 60_000);
  }

  private async follow(command: string, input: string, ...args: string[]): Promise<FollowedRun> {
    const { stdout } = await this.workspace.run(['devforge-instruction', command, this.id, ...args], this.env, input);
    const [first = '{}', ...lines] = withoutGreeting(stdout).split('\n').slice(0, -1);
    const last = lines.at(-1) ?? '';
    return {
      state: (JSON.parse(first) as { state: string }).state,
      events: parse(
        lines
          .filter((line) => line.startsWith('E '))
          .map((line) => line.slice(2))
          .join('\n'),
      ),
      outcome: last.startsWith('O ') ? (JSON.parse(last.slice(2)) as Outcome) : null,
    };
  }
}

function parse(lines: string): RunEvent[] {
  return lines
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as RunEvent);
}
