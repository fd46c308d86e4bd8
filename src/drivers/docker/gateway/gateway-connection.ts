import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { withTimeout } from '../../../common/concurrency/with-timeout.js';
import { DriverError } from '../../driver-error.js';
import type { WorkspaceProcess } from '../../workspace-process.js';

const CALL_TIMEOUT_MS = 10_000;

interface Greeting {
  gateway: string;
  version: number;
}

interface Message {
  id?: number;
  result?: unknown;
  error?: string;
  denial?: unknown;
  spend?: string;
  modelProblem?: { id: string; problem: unknown };
}

interface Call {
  resolve: (result: unknown) => void;
  reject: (error: DriverError) => void;
}

/** Requests to the gateway over one open command, a JSON object on each line. */
export class GatewayConnection {
  /** Settles when the connection has ended. */
  readonly ended: Promise<void>;
  /** The version of the gateway's program. */
  readonly greeting: Promise<number>;
  onDenial: (denial: unknown) => void = () => undefined;
  onSpend: (id: string) => void = () => undefined;
  onModelProblem: (id: string, problem: unknown) => void = () => undefined;
  private readonly calls = new Map<number, Call>();
  private lastId = 0;
  private isOver = false;
  private greet: (version: number) => void = () => undefined;
  private refuseGreeting: (error: DriverError) => void = () => undefined;

  constructor(private readonly process: WorkspaceProcess) {
    process.stdin.on('error', () => undefined);
    // It stays open between calls, and must not keep a process from ending.
    (process.stdin as Partial<Pick<Socket, 'unref'>>).unref?.();
    process.stderr.resume();
    this.greeting = new Promise((resolve, reject) => {
      this.greet = resolve;
      this.refuseGreeting = reject;
    });
    this.greeting.catch(() => undefined);
    const lines = createInterface({ input: process.stdout });
    lines.on('line', (line) => this.receive(line));
    // The interface repeats the errors of its input, which `exit` reports.
    lines.on('error', () => undefined);
    this.ended = process.exit.then(
      () => this.end(),
      () => this.end(),
    );
  }

  get isOpen(): boolean {
    return !this.isOver;
  }

  /** @throws DriverError `unavailable` when the connection ends before the answer, `failed` with the gateway's error */
  async call(method: string, params: object): Promise<unknown> {
    if (this.isOver) throw gone();
    const id = ++this.lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.calls.set(id, { resolve, reject }));
    this.process.stdin.write(`${JSON.stringify({ id, method, params })}\n`);
    try {
      return await withTimeout(answer, CALL_TIMEOUT_MS);
    } catch (error) {
      if (error instanceof DriverError) throw error;
      throw new DriverError('unavailable', `the egress gateway did not answer ${method}`, { cause: error });
    } finally {
      this.calls.delete(id);
    }
  }

  close(): void {
    this.process.close();
  }

  private receive(line: string): void {
    const message = parse(line);
    if (message === null) return;
    if ('gateway' in message) this.greet(message.version);
    else if (message.denial !== undefined) this.onDenial(message.denial);
    else if (message.spend !== undefined) this.onSpend(message.spend);
    else if (message.modelProblem !== undefined)
      this.onModelProblem(message.modelProblem.id, message.modelProblem.problem);
    else if (message.error !== undefined)
      this.calls.get(message.id!)?.reject(new DriverError('failed', `egress gateway: ${message.error}`));
    else this.calls.get(message.id!)?.resolve(message.result);
  }

  private end(): void {
    this.isOver = true;
    this.refuseGreeting(gone());
    for (const { reject } of this.calls.values()) reject(gone());
  }
}

/** @returns null for what is no message: an engine's own error, or a line that was cut off */
function parse(line: string): Message | Greeting | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' ? (value as Message | Greeting | null) : null;
  } catch {
    return null;
  }
}

function gone(): DriverError {
  return new DriverError('unavailable', 'the egress gateway went away');
}
