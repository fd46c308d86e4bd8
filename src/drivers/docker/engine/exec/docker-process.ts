import type Dockerode from 'dockerode';
import { once } from 'node:events';
import { type Duplex, PassThrough, type Writable } from 'node:stream';
import type { ProcessRequest, WorkspaceProcess, TerminalSize } from '../../../workspace-process.js';
import { DriverError } from '../../../driver-error.js';
import { exitCode } from './docker-exec.js';
import { DEADLINE, engineCall, toDriverError } from '../engine-call.js';
import { ExecFrames } from './exec-frames.js';

/** Starts a command in a container and returns its streams. */
export async function openProcess(
  docker: Dockerode,
  dockerId: string,
  request: ProcessRequest,
): Promise<WorkspaceProcess> {
  const what = `open process ${request.argv[0]} in ${dockerId.slice(0, 12)}` as const;
  const terminal = request.terminal !== undefined;
  const exec = await engineCall(
    what,
    DEADLINE.read,
    (abortSignal) =>
      docker.getContainer(dockerId).exec({
        Cmd: request.argv,
        Env: Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`),
        ...(request.cwd === undefined ? {} : { WorkingDir: request.cwd }),
        Tty: terminal,
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    request.signal,
  );
  const stream = await engineCall(what, DEADLINE.read, (signal) => start(exec, terminal, signal), request.signal);
  const process = new DockerProcess(what, exec, stream, terminal);
  if (request.terminal !== undefined) await process.resize(request.terminal);
  return process;
}

async function start(exec: Dockerode.Exec, terminal: boolean, signal: AbortSignal): Promise<Duplex> {
  const stream = await exec.start({ hijack: true, stdin: true, Tty: terminal });
  // The caller has stopped waiting; nothing else would ever close this stream.
  if (signal.aborted) stream.destroy();
  return stream;
}

class DockerProcess implements WorkspaceProcess {
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exit: Promise<number>;
  private closed = false;

  constructor(
    private readonly what: `open process ${string}`,
    private readonly exec: Dockerode.Exec,
    private readonly stream: Duplex,
    private readonly terminal: boolean,
  ) {
    // Readers of the outputs and of `exit` get the error there.
    for (const one of [stream, this.stdout, this.stderr]) one.on('error', () => undefined);
    this.exit = this.run();
    this.exit.catch(() => undefined);
  }

  get stdin(): Writable {
    return this.stream;
  }

  async resize({ columns, rows }: TerminalSize): Promise<void> {
    await engineCall(
      `${this.what}: resize`,
      DEADLINE.read,
      () => this.exec.resize({ w: columns, h: rows }) as Promise<unknown>,
    );
  }

  close(): void {
    this.closed = true;
    this.stream.destroy();
  }

  private async run(): Promise<number> {
    try {
      await this.readOutputs();
      const code = await exitCode(this.what, this.exec);
      this.stdout.end();
      this.stderr.end();
      return code;
    } catch (error) {
      const failure = this.closed
        ? new DriverError('aborted', `${this.what}: aborted`, { cause: error })
        : toDriverError(this.what, error);
      this.stdout.destroy(failure);
      this.stderr.destroy(failure);
      throw failure;
    }
  }

  private async readOutputs(): Promise<void> {
    const frames = new ExecFrames();
    for await (const chunk of this.stream as AsyncIterable<Buffer>) {
      if (this.terminal) await writeTo(this.stdout, chunk);
      else for (const { stream, data } of frames.push(chunk)) await writeTo(this[stream], data);
    }
  }
}

/** Writes a chunk and waits for a slow reader; a destroyed output is skipped. */
async function writeTo(output: PassThrough, data: Buffer): Promise<void> {
  if (output.destroyed || output.write(data)) return;
  const gone = new AbortController();
  const leave = (): void => gone.abort();
  output.once('close', leave);
  try {
    await once(output, 'drain', { signal: gone.signal });
  } catch (error) {
    if (!output.destroyed) throw error;
  } finally {
    output.off('close', leave);
  }
}
