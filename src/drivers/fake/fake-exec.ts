import { type ExecRequest, type ExecResult, MAX_EXEC_OUTPUT_BYTES } from '../workspace-process.js';
import { DriverError } from '../driver-error.js';

const TAIL_BYTES = 64 * 1024;

export interface FakeExecOutcome {
  exitCode: number;
  stdout?: string | Buffer;
  stderr?: string | Buffer;
}

/** Plays a command. The signal aborts when the caller stops waiting. */
export type FakeExecHandler = (request: ExecRequest, signal: AbortSignal) => FakeExecOutcome | Promise<FakeExecOutcome>;

/** Waits for the played command until it ends, the caller's signal aborts, or the timeout is over. */
export async function playExec(request: ExecRequest, handler: FakeExecHandler): Promise<ExecResult> {
  const done = new AbortController();
  try {
    const outcome = await Promise.race([handler(request, done.signal), rejectOnAbort(request, done.signal)]);
    const [stdout, stderr] = [Buffer.from(outcome.stdout ?? ''), Buffer.from(outcome.stderr ?? '')];
    if (stdout.length + stderr.length > MAX_EXEC_OUTPUT_BYTES)
      throw new DriverError('output_limit', `exec ${request.argv[0]}: wrote more than ${MAX_EXEC_OUTPUT_BYTES} bytes`);
    if (stdout.length > 0) request.onStdout?.(stdout);
    if (stderr.length > 0) request.onStderr?.(stderr);
    return { exitCode: outcome.exitCode, stdout: tail(stdout), stderr: tail(stderr) };
  } finally {
    done.abort();
  }
}

function rejectOnAbort({ argv, signal, timeoutMs }: ExecRequest, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DriverError('aborted', `exec ${argv[0]}: aborted`));
    const timer = setTimeout(
      () => reject(new DriverError('timed_out', `exec ${argv[0]}: still running after ${timeoutMs} ms`)),
      timeoutMs,
    );
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    done.addEventListener('abort', () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    });
  });
}

function tail(output: Buffer): string {
  return output.subarray(-TAIL_BYTES).toString('utf8');
}
