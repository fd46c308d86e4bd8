/** DevForge as a child process of the quickstart: found running, or started with its log in a file, and stopped with SIGTERM. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, projectEnv } from '../exec.mjs';
import { Failure } from '../failure.mjs';
import { NODE, ROOT, SERVER } from '../paths.mjs';
import { reachableHost } from '../settings.mjs';
import { defer } from '../shutdown.mjs';
import { call } from './client.mjs';

const READY_MS = 180_000;
const STOP_MS = 30_000;

/** @returns {string | undefined} */
export function readToken(settings) {
  const file = join(settings.dataDir, 'admin-token');
  return settings.values.DEVFORGE_TOKEN ?? (existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined);
}

/** Whether the port is free, used by the DevForge of this token, or by something else. @returns {Promise<'free' | 'ours' | 'other'>} */
export async function portUser({ host, port, token }) {
  if (!(await accepts(host, port))) return 'free';
  if (!token) return 'other';
  try {
    const { status, body } = await call({ host, port, token, path: '/api/containers?limit=1', timeoutMs: 10_000 });
    return status === 200 && Array.isArray(body?.items) ? 'ours' : 'other';
  } catch {
    return 'other';
  }
}

const accepts = (host, port) =>
  new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (value) => {
      socket.destroy();
      resolve(value);
    };
    socket.setTimeout(3000, () => settle(true));
    socket.on('connect', () => settle(true)).on('error', () => settle(false));
  });

/**
 * @param {{ settings: ReturnType<import('../settings.mjs').loadSettings>, port: number, env: Record<string, string>, step: { progress(text: string): void, done(text: string): void } }} options
 * @returns {Promise<{ host: string, port: number, token: string, reused: boolean, log: string, ended?: Promise<string>, stop: () => Promise<void> }>}
 */
export async function ensureServer({ settings, port, env, step }) {
  const host = reachableHost(settings.host);
  const log = join(settings.dataDir, 'devforge.log');
  const token = readToken(settings);
  const user = await portUser({ host, port, token });
  if (user === 'other') {
    throw new Failure(`Port ${port} is in use by something other than this DevForge.`, [
      `npm run quickstart -- --port ${port + 1}`,
    ]);
  }
  if (user === 'ours' && token) {
    step.done(`already running on port ${port}`);
    return { host, port, token, reused: true, log, stop: async () => {} };
  }
  const server = launch({ settings, port, env, log });
  await waitUntilReady({ server, host, port, step, log });
  const newToken = readToken(settings);
  if (!newToken)
    throw new Failure(`DevForge is ready but there is no token in ${join(settings.dataDir, 'admin-token')}.`, [
      'set DEVFORGE_TOKEN',
    ]);
  step.done(`started on port ${port}`);
  return { host, port, token: newToken, reused: false, log, ended: server.ended, stop: server.stop };
}

function launch({ settings, port, env, log }) {
  mkdirSync(settings.dataDir, { recursive: true });
  const output = openSync(log, 'a', 0o600);
  const logStart = statSync(log).size;
  const child = spawn(NODE, SERVER, {
    cwd: ROOT,
    env: projectEnv({ ...env, PORT: String(port), NO_COLOR: '1' }),
    stdio: ['ignore', output, output],
    detached: true,
  });
  closeSync(output);
  let ending;
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve((ending = error.message)));
    child.on('exit', (code, signal) => resolve((ending = signal ? `ended by ${signal}` : `ended with code ${code}`)));
  });
  const undo = defer(async () => {
    if (ending !== undefined) return;
    process.stdout.write('Stopping DevForge.\n');
    child.kill('SIGTERM');
    const timer = setTimeout(() => killGroup(child.pid), STOP_MS);
    await ended;
    clearTimeout(timer);
  });
  return { ended, ending: () => ending, stop: undo.now, logStart };
}

async function waitUntilReady({ server, host, port, step, log }) {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (server.ending() !== undefined)
      throw new Failure(
        `DevForge did not start: it ${server.ending()}.`,
        [`see ${log}`],
        logTail(log, server.logStart),
      );
    step.progress(`waiting for /health/ready, log in ${log}`);
    try {
      const { status } = await call({ host, port, path: '/health/ready', timeoutMs: 5000 });
      if (status === 200) return;
    } catch (error) {
      if (error.code === 'EPERM') throw error;
    }
    await sleep(300);
  }
  await server.stop();
  throw new Failure(
    `DevForge was not ready after ${READY_MS / 1000} s.`,
    [`see ${log}`],
    logTail(log, server.logStart),
  );
}

/** The last lines that were logged from the offset `start` on. */
export function logTail(log, start = 0, count = 20) {
  const text = readFileSync(log).subarray(start).toString('utf8').trimEnd();
  return text ? text.split('\n').slice(-count) : [];
}
