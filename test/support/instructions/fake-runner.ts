import { text } from 'node:stream/consumers';
import type { RunRequest } from '../../../src/instructions/runner/runner-client.js';
import type { FakeProcessSide } from '../../../src/drivers/fake/fake-process.js';
import type { FakeWorkspaceDriver } from '../../../src/drivers/fake/fake-workspace-driver.js';

interface FakeRun {
  request: RunRequest | undefined;
  /** Lines of output. */
  events: string[];
  outcome: object | undefined;
  alive: boolean;
  prompts: number;
  resumes: number;
  answers: unknown[];
  removed: boolean;
}

/** Simulates `devforge-instruction` in the containers of a fake driver: what a test Followers receive what the test writes. */
export class FakeRunner {
  private readonly runs = new Map<string, FakeRun>();
  private resolveChange: () => void = () => undefined;
  private nextChange: Promise<void> = Promise.resolve();
  patch = '';

  constructor(driver: FakeWorkspaceDriver) {
    this.resetChange();
    driver.onExec = ({ argv: [, command, id, ...rest], stdin }) => this.command(command!, id!, rest, String(stdin));
    driver.onOpen = async ({ argv: [, command, id, ...rest] }, side) => {
      switch (command) {
        case 'diff':
          side.stdout.write(this.patch);
          return 0;
        case 'follow':
          return this.follow(id!, Number(rest[0]), side);
        default:
          return this.launch(command!, id!, Number(rest[1]), side);
      }
    };
  }

  private async launch(command: string, id: string, offset: number, side: FakeProcessSide): Promise<number> {
    const { stdout } = this.command(command, id, [], await text(side.stdin));
    side.stdout.write(stdout);
    return stdout.includes('started') ? this.follow(id, offset, side) : 0;
  }

  private async follow(id: string, offset: number, { stdin, stdout, killed }: FakeProcessSide): Promise<number> {
    let [isClosed, position] = [killed.aborted, offset];
    const close = (): void => {
      isClosed = true;
      this.notify();
    };
    if (!stdin.readableEnded) stdin.resume().on('end', close);
    killed.addEventListener('abort', close);
    const run = this.get(id);
    if (run.request === undefined && run.outcome === undefined) return 3;
    for (;;) {
      if (isClosed) return 1;
      const { outcome, alive, events } = run;
      const more = events
        .map((event) => `${event}\n`)
        .join('')
        .slice(position);
      position += more.length;
      for (const line of more.split('\n').slice(0, -1)) stdout.write(`E ${line}\n`);
      if (outcome !== undefined || !alive) {
        stdout.write(outcome === undefined ? 'I\n' : `O ${JSON.stringify(outcome)}\n`);
        return 0;
      }
      await this.nextChange;
    }
  }

  /** The run of an instruction, also before it is started. */
  get(id: string): FakeRun {
    const known = this.runs.get(id);
    if (known !== undefined) return known;
    const run: FakeRun = {
      request: undefined,
      events: [],
      outcome: undefined,
      alive: false,
      prompts: 0,
      resumes: 0,
      answers: [],
      removed: false,
    };
    this.runs.set(id, run);
    return run;
  }

  write(id: string, ...events: string[]): void {
    this.get(id).events.push(...events);
    this.notify();
  }

  end(id: string, outcome: object = { status: 'succeeded' }): void {
    Object.assign(this.get(id), { outcome, alive: false });
    this.notify();
  }

  /** Ends the runner without an outcome. */
  crash(id: string): void {
    this.get(id).alive = false;
    this.notify();
  }

  private command(
    command: string,
    id: string,
    [requestId]: string[],
    stdin: string,
  ): { exitCode: number; stdout: string } {
    const run = this.get(id);
    const answer = (state: string) => ({ exitCode: 0, stdout: `${JSON.stringify({ state })}\n` });
    switch (command) {
      case 'start':
        if (run.outcome !== undefined) return answer('ended');
        if (run.request !== undefined) return answer(run.alive ? 'running' : 'interrupted');
        Object.assign(run, { request: JSON.parse(stdin), alive: true, prompts: run.prompts + 1 });
        return answer('started');
      case 'resume':
        Object.assign(run, { alive: true, resumes: run.resumes + 1 });
        return answer('started');
      case 'cancel':
        if (run.outcome !== undefined) return answer('ended');
        this.end(id, { status: 'cancelled', reason: { code: 'cancelled', message: 'c' } });
        return answer('cancelled');
      case 'answer':
        run.answers.push([requestId, JSON.parse(stdin)]);
        return answer(run.alive ? 'answered' : 'ended');
      default:
        run.removed = true;
        return answer('removed');
    }
  }

  private notify(): void {
    this.resolveChange();
    this.resetChange();
  }

  private resetChange(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.nextChange = promise;
    this.resolveChange = resolve;
  }
}
