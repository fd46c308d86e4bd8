import type Dockerode from 'dockerode';
import type { Readable } from 'node:stream';
import type { LogRecord, LogRequest } from '../../../workspace-logs.js';
import { DriverError } from '../../../driver-error.js';
import { toTimestamp } from '../../../timestamp.js';
import { DEADLINE, engineCall, toDriverError } from '../engine-call.js';
import { LogFrames } from './log-frames.js';
import { RecentLines } from './recent-lines.js';
import type { LogProfile } from '../profile/engine-profile.js';
import { SilenceLimit } from '../silence-limit.js';

/** The engine counts entries, of which a line of 1 MiB takes 65. */
const ENTRIES_FACTOR = 66;

type Reading = Pick<LogProfile, 'times' | 'maxTail'>;

const DOCKER: Reading = { times: 'epoch-seconds', maxTail: Number.MAX_SAFE_INTEGER };

/** Reads a container's output. Breaking out of the loop closes the engine's stream. */
export async function* readLogs(
  docker: Dockerode,
  dockerId: string,
  request: LogRequest,
  engine: Reading = DOCKER,
): AsyncGenerator<LogRecord[]> {
  if (request.follow || request.tail === undefined)
    return yield* readEntries(docker, dockerId, request, new LogFrames(), engine);
  const lines = await readLatest(docker, dockerId, request, request.tail, engine);
  if (lines.length > 0) yield lines;
}

/**
 * The engine counts entries from the end of the log before it filters them, so more and more are requested until there
 * are enough lines.
 */
async function readLatest(
  docker: Dockerode,
  dockerId: string,
  request: LogRequest,
  count: number,
  engine: Reading,
): Promise<LogRecord[]> {
  const { until: end, ...asked } = request;
  const until = end === undefined ? undefined : toTimestamp(end);
  const wants = (record: LogRecord): boolean =>
    request[record.stream] &&
    (until === undefined || record.timestamp <= until) &&
    (request.wants === undefined || request.wants(record));
  for (let entries = count + 2; ; entries *= ENTRIES_FACTOR) {
    const tail = entries <= engine.maxTail ? entries : undefined;
    const frames = new LogFrames();
    const recent = new RecentLines(count);
    const all = { ...asked, stdout: true, stderr: true, tail };
    for await (const batch of readEntries(docker, dockerId, all, frames, engine)) recent.add(batch.filter(wants));
    const isAll = tail === undefined || frames.entries < tail;
    const lines = isAll ? recent.lines : recent.lines.filter((record) => !frames.mayLackBeginning(record));
    if (isAll || recent.isCut || lines.length >= count) return lines;
  }
}

async function* readEntries(
  docker: Dockerode,
  dockerId: string,
  request: LogRequest,
  frames: LogFrames,
  engine: Reading,
): AsyncGenerator<LogRecord[]> {
  const what = `logs of container ${dockerId.slice(0, 12)}` as const;
  const stream = await engineCall(
    what,
    DEADLINE.read,
    (signal) => open(docker, dockerId, request, engine, signal),
    request.signal,
  );
  const abort = (): void => void stream.destroy();
  request.signal.addEventListener('abort', abort, { once: true });
  // A container that is followed may write nothing for any time.
  const silence = request.follow ? undefined : new SilenceLimit(stream);
  try {
    for await (const chunk of stream) {
      silence?.pause();
      const records = frames.push(chunk as Buffer);
      if (records.length > 0) yield records;
      silence?.resume();
    }
    const last = frames.end();
    if (last.length > 0) yield last;
  } catch (error) {
    if (request.signal.aborted) throw new DriverError('aborted', `${what}: aborted`, { cause: error });
    throw toDriverError(what, error);
  } finally {
    silence?.end();
    request.signal.removeEventListener('abort', abort);
    stream.destroy();
  }
}

/** dockerode returns a stream only with `follow`; what the engine is asked for is in the query. */
async function open(
  docker: Dockerode,
  dockerId: string,
  request: LogRequest,
  { times }: Reading,
  signal: AbortSignal,
): Promise<Readable> {
  const toTime = times === 'rfc3339' ? toTimestamp : toSeconds;
  const query = {
    follow: request.follow,
    stdout: request.stdout,
    stderr: request.stderr,
    timestamps: true,
    ...(request.tail === undefined ? {} : { tail: request.tail }),
    ...(request.since === undefined ? {} : { since: toTime(request.since) }),
    ...(request.until === undefined ? {} : { until: toTime(request.until) }),
  };
  const options = { follow: true, _query: query } as const;
  const stream = (await docker.getContainer(dockerId).logs(options)) as unknown as Readable;
  // The caller has stopped waiting; nothing else would ever close this stream.
  if (signal.aborted) stream.destroy();
  return stream;
}

/** Docker's format of a time: seconds of the epoch with a fraction. */
function toSeconds(instant: string): string {
  const normal = toTimestamp(instant);
  return `${Date.parse(`${normal.slice(0, 19)}Z`) / 1_000}${normal.slice(19, -1)}`;
}
