import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import { type LogRecord, type LogRequest, RuntimeError } from '../container-runtime.js';
import { DEADLINE, engineCall, toRuntimeError } from './engine-call.js';
import { LogFrames } from './log-frames.js';

/** Reads a container's output. Breaking out of the loop lets go of the engine's stream. */
export async function* readLogs(docker: Dockerode, dockerId: string, request: LogRequest): AsyncGenerator<LogRecord[]> {
  const what = `logs of container ${dockerId.slice(0, 12)}` as const;
  const stream = await engineCall(what, DEADLINE.read, (signal) => open(docker, dockerId, request, signal), request.signal);
  const frames = new LogFrames();
  const abort = (): void => void stream.destroy();
  request.signal.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of stream) {
      const records = frames.push(chunk as Buffer);
      if (records.length > 0) yield records;
    }
    const last = frames.end();
    if (last.length > 0) yield last;
  } catch (error) {
    if (request.signal.aborted) throw new RuntimeError('aborted', `${what}: given up`, { cause: error });
    throw toRuntimeError(what, error);
  } finally {
    request.signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

/** Always as a stream, which dockerode makes only of what it takes for a follow; what the engine is asked is in the query. */
async function open(docker: Dockerode, dockerId: string, request: LogRequest, signal: AbortSignal): Promise<Readable> {
  const query = {
    follow: request.follow,
    stdout: request.stdout,
    stderr: request.stderr,
    timestamps: true,
    ...(request.tail === undefined ? {} : { tail: request.tail }),
    ...(request.since === undefined ? {} : { since: toSeconds(request.since) }),
    ...(request.until === undefined ? {} : { until: toSeconds(request.until) }),
  };
  const options = { follow: true, _query: query } as const;
  const stream = (await docker.getContainer(dockerId).logs(options)) as unknown as Readable;
  // Nobody waits any more: an answer that comes too late would be held open for ever.
  if (signal.aborted) stream.destroy();
  return stream;
}

/** The engine's form of an instant; the milliseconds of a date would lose the rest of its fraction. */
function toSeconds(timestamp: string): string {
  const milliseconds = Date.parse(timestamp);
  if (Number.isNaN(milliseconds)) throw new RuntimeError('invalid', `"${timestamp}" is no instant`);
  const [, fraction = ''] = /\.(\d+)/.exec(timestamp) ?? [];
  return `${Math.floor(milliseconds / 1_000)}.${fraction.slice(0, 9).padEnd(9, '0')}`;
}
