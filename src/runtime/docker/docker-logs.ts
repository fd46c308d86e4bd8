import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import { type LogRecord, type LogRequest, RuntimeError } from '../container-runtime.js';
import { DEADLINE, engineCall, toRuntimeError } from './engine-call.js';
import { LogFrames } from './log-frames.js';

/** Reads a container's output. Breaking out of the loop lets go of the engine's stream. */
export async function* readLogs(docker: Dockerode, dockerId: string, request: LogRequest): AsyncGenerator<LogRecord[]> {
  const what = `logs of container ${dockerId.slice(0, 12)}`;
  const stream = await engineCall(what, DEADLINE.read, () => open(docker, dockerId, request), request.signal);
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
async function open(docker: Dockerode, dockerId: string, request: LogRequest): Promise<Readable> {
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
  return (await docker.getContainer(dockerId).logs(options)) as unknown as Readable;
}

function toSeconds(timestamp: string): string {
  const [seconds, fraction = '0'] = timestamp.replace(/Z$/, '').split('.');
  return `${Math.floor(Date.parse(`${seconds}Z`) / 1_000)}.${fraction.padEnd(9, '0')}`;
}
