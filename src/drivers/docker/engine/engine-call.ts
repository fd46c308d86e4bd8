import { plainText } from '../../../common/plain-text.js';
import { DriverError, type DriverErrorCode } from '../../driver-error.js';
import { engineCalls } from '../../engine-calls.js';
import { type EngineCallName, operationOf } from './engine-calls.js';

/** Deadlines of engine calls, in milliseconds. */
export const DEADLINE = {
  ping: 1_000,
  read: 10_000,
  write: 60_000,
  /** For work that grows with the number of files. */
  files: 300_000,
  pull: 600_000,
  silentBuild: 1_200_000,
} as const;

const MAX_MESSAGE_LENGTH = 1_000;
/** Shorter values are words such as `1` and `true`. */
const MIN_SECRET_LENGTH = 6;
/** How Podman's messages of status 500 end, and the status that Docker gives to the same. */
const PODMAN_STATUS: [RegExp, number][] = [
  [/no such (?:container|volume|network|image|exec session)$|network not found$|image not known$/, 404],
  [/is already in use by|already exists|container state improper$|volume is being used$/, 409],
];

interface EngineErrorShape {
  statusCode?: number;
  code?: string;
  reason?: string;
  message?: string;
  json?: { message?: string } | null;
}

/**
 * Runs one engine call with a deadline: dockerode has no time-out of its own.
 * @throws DriverError whatever the call rejects with
 */
export function engineCall<Result>(
  what: EngineCallName,
  deadlineMs: number,
  call: (signal: AbortSignal) => Promise<Result>,
  callerSignal?: AbortSignal,
): Promise<Result> {
  return observed(what, () => underDeadline(what, deadlineMs, call, callerSignal));
}

/** Runs a call that has its own time limit, and publishes its outcome. */
export async function observed<Result>(what: EngineCallName, call: () => Promise<Result>): Promise<Result> {
  const from = performance.now();
  const publish = (outcome: 'ok' | DriverErrorCode): void =>
    engineCalls.publish({ operation: operationOf(what), outcome, seconds: (performance.now() - from) / 1_000 });
  try {
    const result = await call();
    publish('ok');
    return result;
  } catch (error) {
    publish(toDriverError(what, error).code);
    throw error;
  }
}

async function underDeadline<Result>(
  what: string,
  deadlineMs: number,
  call: (signal: AbortSignal) => Promise<Result>,
  callerSignal?: AbortSignal,
): Promise<Result> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const signal = callerSignal === undefined ? deadline : AbortSignal.any([deadline, callerSignal]);
  try {
    return await Promise.race([call(signal), rejectOnAbort(signal)]);
  } catch (error) {
    if (callerSignal?.aborted) throw new DriverError('aborted', `${what}: aborted`, { cause: error });
    if (deadline.aborted)
      throw new DriverError('unavailable', `${what}: the engine did not answer within ${deadlineMs} ms`, {
        cause: error,
      });
    throw toDriverError(what, error);
  }
}

function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => reject(new Error('aborted'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

export function toDriverError(what: string, error: unknown): DriverError {
  if (error instanceof DriverError) return error;
  const shape = (typeof error === 'object' && error !== null ? error : {}) as EngineErrorShape;
  const message = plainText(shape.json?.message ?? shape.message ?? String(error), MAX_MESSAGE_LENGTH);
  if (/no space left on device|disk quota exceeded/i.test(message)) {
    return new DriverError('out_of_disk', `${what}: ${message}`, { cause: error });
  }
  return new DriverError(codeOf(shape), `${what}: ${explain(shape, message)}`, { cause: error });
}

/** The status of the engine's answer; Podman says 500 to what has a status of its own in Docker's API. */
export function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { statusCode, json, message = '' } = error as EngineErrorShape;
  if (statusCode !== 500) return statusCode;
  const said = json?.message ?? message;
  return PODMAN_STATUS.find(([text]) => text.test(said))?.[1] ?? statusCode;
}

function codeOf(error: EngineErrorShape): DriverErrorCode {
  const statusCode = statusOf(error);
  if (statusCode === undefined || statusCode === 503) return 'unavailable';
  if (statusCode === 404) return 'not_found';
  if (statusCode === 409) return 'conflict';
  return statusCode >= 500 ? 'failed' : 'invalid';
}

function explain({ code }: EngineErrorShape, message: string): string {
  if (code === 'EACCES') return `${message} (this user may not use the engine's socket: add it to the docker group)`;
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return `${message} (is the container engine running?)`;
  return message;
}

/** The same error, without the values of an environment that the engine may have quoted. */
export function withoutValues(error: DriverError, env: Readonly<Record<string, string>>): DriverError {
  const values = Object.values(env)
    .filter((value) => value.length >= MIN_SECRET_LENGTH)
    .toSorted((a, b) => b.length - a.length);
  const message = values.reduce((text, value) => text.replaceAll(value, '[redacted]'), error.message);
  return new DriverError(error.code, message, error.details);
}
