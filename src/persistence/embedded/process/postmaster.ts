import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Binaries } from '../binaries/binaries.js';
import { messageOf } from '../../../common/errors/message-of.js';
import { EmbeddedPostgresError } from '../errors.js';
import {
  neutralizeStaleFile,
  findRunning,
  isServerOf,
  type PostmasterFile,
  readPostmasterFile,
} from './postmaster-file.js';
import { CLEAN_ENVIRONMENT } from './run.js';
import { logTail, openServerLog } from './server-log.js';
import { serverArguments } from '../settings.js';
import { currentIdentity, type ServerIdentity } from '../cluster/system-user.js';

const POLL_MS = 3;
const FAST_SHUTDOWN_MS = 10_000;
const IMMEDIATE_SHUTDOWN_MS = 5_000;

/** Process id and socket of a running server. */
export interface ServerAddress {
  pid: number;
  /** Directory of the Unix socket. */
  host: string;
  port: number;
}

export interface LaunchOptions {
  /** Real path of the data directory. */
  cluster: string;
  socketDir: string;
  logFile: string;
  binaries: Binaries;
  identity: ServerIdentity;
  /** In the time of `performance.now()`. */
  deadline: number;
}

/**
 * Starts the server of a cluster in a session of its own, so that neither Ctrl-C in the terminal nor the death of this
 * process ends it.
 *
 * @throws EmbeddedPostgresError `START_FAILED`, `START_TIMEOUT`
 */
export async function launch(options: LaunchOptions): Promise<ServerAddress> {
  const { cluster, deadline, logFile } = options;
  for (;;) {
    await neutralizeStaleFile(cluster);
    const log = await openServerLog(logFile, options.identity);
    const outcome = await spawnServer(options, log.fd).finally(() => log.close());
    if (typeof outcome !== 'string') return outcome;
    const tail = await logTail(logFile, log.offset);
    // Back-ends of a killed server end within moments; a new server cannot start before
    if (tail.includes('pre-existing shared memory block') && performance.now() < deadline) {
      await delay(100);
      continue;
    }
    throw new EmbeddedPostgresError(
      'START_FAILED',
      `PostgreSQL ended while starting (${outcome}). The last lines of ${logFile}:\n${tail}`,
    );
  }
}

/** @returns the address, or the reason why the server ended during its start */
async function spawnServer(options: LaunchOptions, log: number): Promise<ServerAddress | string> {
  const { binaries, cluster, socketDir, identity, deadline, logFile } = options;
  const isOtherUser = currentIdentity()?.uid !== identity.uid;
  let child: ChildProcess;
  try {
    child = spawn(binaries.postgres, serverArguments(cluster, socketDir), {
      ...(isOtherUser ? identity : {}),
      cwd: '/',
      env: { ...CLEAN_ENVIRONMENT },
      stdio: ['ignore', log, log],
      detached: true,
    });
  } catch (error) {
    // Spawn throws some errors instead of emitting them, such as EPERM when switching the user
    return messageOf(error);
  }
  child.unref();
  let ended: string | undefined;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = signal === null ? `exit code ${code}` : `signal ${signal}`));
  while (performance.now() < deadline) {
    if (ended !== undefined) return ended;
    const found = await readPostmasterFile(cluster);
    // The file of a crashed server says "ready" as well
    const address = found?.pid === child.pid ? addressOf(found) : undefined;
    if (address !== undefined) return address;
    await delay(POLL_MS);
  }
  throw await timedOut(logFile);
}

function addressOf(found: PostmasterFile | undefined): ServerAddress | undefined {
  if (found?.status !== 'ready' || found.port === undefined || found.socketDir === undefined) return undefined;
  return { pid: found.pid, host: found.socketDir, port: found.port };
}

async function timedOut(logFile: string): Promise<EmbeddedPostgresError> {
  return new EmbeddedPostgresError(
    'START_TIMEOUT',
    `PostgreSQL did not become ready in time; it may still be recovering from a crash. Start DevForge again, ` +
      `or read the last lines of ${logFile}:\n${await logTail(logFile)}`,
  );
}

/**
 * Adopts the server of this cluster that another process started. Waits while it is starting or stopping.
 *
 * @returns `undefined` when no server is running
 * @throws EmbeddedPostgresError `START_TIMEOUT`
 */
export async function adopt(cluster: string, deadline: number, logFile: string): Promise<ServerAddress | undefined> {
  while (performance.now() < deadline) {
    const found = await findRunning(cluster);
    if (found === undefined) return undefined;
    const address = addressOf(found);
    if (address !== undefined) return address;
    await delay(POLL_MS);
  }
  throw await timedOut(logFile);
}

/**
 * Fast shutdown, which rolls open transactions back and flushes everything. After 10 seconds immediate shutdown, from
 * which the next start recovers.
 *
 * @throws EmbeddedPostgresError `STOP_FAILED`
 */
export async function terminate(pid: number, cluster: string): Promise<void> {
  const steps = [
    ['SIGINT', FAST_SHUTDOWN_MS],
    ['SIGQUIT', IMMEDIATE_SHUTDOWN_MS],
  ] as const;
  for (const [signal, timeoutMs] of steps) {
    if (!(await isServerOf(pid, cluster))) return;
    process.kill(pid, signal);
    if (await hasEnded(pid, cluster, timeoutMs)) return;
  }
  throw new EmbeddedPostgresError('STOP_FAILED', `PostgreSQL (pid ${pid}) does not stop. End it manually.`);
}

async function hasEnded(pid: number, cluster: string, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    if (!(await isServerOf(pid, cluster))) return true;
    await delay(POLL_MS);
  }
  return false;
}
