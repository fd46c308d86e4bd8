import type Dockerode from 'dockerode';
import { PassThrough, Writable } from 'node:stream';
import type { Duplex } from 'node:stream';
import { type ExecRequest, type ExecResult, MAX_EXEC_OUTPUT_BYTES } from '../../../workspace-process.js';
import { DriverError } from '../../../driver-error.js';
import type { EngineCallName } from '../engine-calls.js';
import { DEADLINE, engineCall, toDriverError } from '../engine-call.js';

const TAIL_BYTES = 64 * 1024;
const EXIT_CODE_POLL_MS = 20;
const MAX_EXIT_CODE_POLLS = 100;

/**
 * Runs a command and waits for it.
 * @throws DriverError `conflict` when the container does not run, `aborted` by the caller's signal,
 *   `timed_out` when the command runs too long, `output_limit` when it writes too much, `unavailable` when the connection
 *   breaks
 */
export async function execInContainer(docker: Dockerode, dockerId: string, request: ExecRequest): Promise<ExecResult> {
  const what = `exec ${request.argv[0]} in ${dockerId.slice(0, 12)}` as const;
  const exec = await engineCall(
    what,
    DEADLINE.read,
    (abortSignal) =>
      docker.getContainer(dockerId).exec({
        Cmd: request.argv,
        Env: Object.entries(request.env ?? {}).map(([name, value]) => `${name}=${value}`),
        ...(request.cwd === undefined ? {} : { WorkingDir: request.cwd }),
        AttachStdin: request.stdin !== undefined,
        AttachStdout: true,
        AttachStderr: true,
        abortSignal,
      }),
    request.signal,
  );
  const stream = await engineCall(
    what,
    DEADLINE.read,
    () => exec.start({ hijack: true, stdin: request.stdin !== undefined }),
    request.signal,
  );
  const stdout = new Tail(request.onStdout);
  const stderr = new Tail(request.onStderr);
  await follow(docker, what, stream, stdout, stderr, request);
  return { exitCode: await exitCode(what, exec), stdout: stdout.text(), stderr: stderr.text() };
}

function follow(
  docker: Dockerode,
  what: string,
  stream: Duplex,
  stdout: Tail,
  stderr: Tail,
  request: ExecRequest,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: DriverError): void => {
      clearTimeout(timer);
      request.signal?.removeEventListener('abort', onAbort);
      stream.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = (): void => settle(new DriverError('aborted', `${what}: aborted`));
    const timer = setTimeout(
      () => settle(new DriverError('timed_out', `${what}: still running after ${request.timeoutMs} ms`)),
      request.timeoutMs,
    );
    if (request.signal?.aborted) return onAbort();
    request.signal?.addEventListener('abort', onAbort, { once: true });
    const demuxed = new PassThrough();
    docker.modem.demuxStream(demuxed, stdout, stderr);
    stream.on('error', (error) => settle(toDriverError(what, error)));
    stream.on('end', () => demuxed.end(() => settle()));
    stream.pipe(demuxed, { end: false });
    let bytes = 0;
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_EXEC_OUTPUT_BYTES)
        settle(new DriverError('output_limit', `${what}: wrote more than ${MAX_EXEC_OUTPUT_BYTES} bytes`));
    });
    if (request.stdin !== undefined) stream.end(request.stdin);
  });
}

/** The engine may know the exit code a moment after the outputs have ended. */
export async function exitCode(what: EngineCallName, exec: Dockerode.Exec): Promise<number> {
  for (let poll = 0; poll < MAX_EXIT_CODE_POLLS; poll++) {
    const { ExitCode } = await engineCall(what, DEADLINE.read, (abortSignal) => exec.inspect({ abortSignal }));
    if (ExitCode !== null && ExitCode !== undefined) return ExitCode;
    await new Promise((resolve) => setTimeout(resolve, EXIT_CODE_POLL_MS));
  }
  throw new DriverError('failed', `${what}: the engine reports no exit code`);
}

/** Keeps the end of a stream, and passes every chunk on. */
class Tail extends Writable {
  private chunks: Buffer[] = [];
  private size = 0;

  constructor(private readonly onChunk?: (chunk: Buffer) => void) {
    super();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.onChunk?.(chunk);
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.chunks.length > 1 && this.size - this.chunks[0]!.length >= TAIL_BYTES)
      this.size -= this.chunks.shift()!.length;
    done();
  }

  text(): string {
    return Buffer.concat(this.chunks).subarray(-TAIL_BYTES).toString('utf8');
  }
}
