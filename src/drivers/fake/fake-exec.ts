import type { ExecRequest, ExecResult } from '../workspace-process.js';
import { DriverError } from '../driver-error.js';

const TAIL_BYTES = 64 * 1024;

export interface FakeExecOutcome {
  exitCode: number;
  stdout?: string | Buffer;
  stderr?: string | Buffer;
}

/** Plays the command. The signal aborts when nobody waits for it any longer. */
export type FakeExecHandler = (request: ExecRequest, signal: AbortSignal) => FakeExecOutcome | Promise<FakeExecOutcome>;

/** Waits for the played command as the port says: until it ends, the caller gives up, or it outlasts its time. */
export async function playExec(request: ExecRequest, handler: FakeExecHandler): Promise<ExecResult> {
  const done = new AbortController();
  try {
    const outcome = await Promise.race([handler(request, done.signal), givenUp(request, done.signal)]);
    const [stdout, stderr] = [Buffer.from(outcome.stdout ?? ''), Buffer.from(outcome.stderr ?? '')];
    if (stdout.length > 0) request.onStdout?.(stdout);
    if (stderr.length > 0) request.onStderr?.(stderr);
    return { exitCode: outcome.exitCode, stdout: tail(stdout), stderr: tail(stderr) };
  } finally {
    done.abort();
  }
}

function givenUp({ argv, signal, timeoutMs }: ExecRequest, done: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new DriverError('aborted', `exec ${argv[0]}: given up`));
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
