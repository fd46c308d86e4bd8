/** Runs child processes to their end, and finds programs. */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { BIN } from './paths.mjs';
import { defer } from './shutdown.mjs';

const KEPT_LINES = 60;
const SYSTEM_DIRS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The environment for the project's own tools: its Node.js first on the PATH. */
export function projectEnv(extra = {}, env = process.env) {
  return { ...env, ...extra, PATH: [BIN, env.PATH].filter(Boolean).join(delimiter) };
}

/** The environment for the host's tools: without the project's programs, which `npm ci` replaces, and with the system's directories. */
export function hostEnv(extra = {}, env = process.env) {
  const dirs = (env.PATH ?? '').split(delimiter).filter((dir) => dir && !dir.endsWith(join('node_modules', '.bin')));
  return { ...env, ...extra, PATH: [...new Set([...dirs, ...SYSTEM_DIRS])].join(delimiter) };
}

/** @returns {string | undefined} the program's path, also when the user's PATH leaves out the system directories */
export function which(program, env = hostEnv()) {
  return (env.PATH ?? '')
    .split(delimiter)
    .map((dir) => join(dir, program))
    .find(isProgram);
}

function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/**
 * Runs a program in a process group of its own, which is killed when this script gets a signal.
 * @typedef {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string) => void, timeoutMs?: number, viaSudo?: boolean }} RunOptions
 *
 * @param {string} program
 * @param {string[]} args
 * @param {RunOptions} options
 * @returns {Promise<{ code: number, lines: string[] }>} code 127 when the program is missing; `lines` are the last of both outputs
 */
export function run(program, args, { cwd, env = hostEnv(), onLine, timeoutMs, viaSudo = false } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    const lines = [];
    const stop = () => killGroup(child.pid, viaSudo);
    const undo = defer(stop);
    const timer = timeoutMs && setTimeout(stop, timeoutMs);
    for (const output of [child.stdout, child.stderr]) splitLines(output, keep);
    function keep(line) {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      onLine?.(line);
    }
    let failed = false;
    child.on('error', (error) => {
      failed = true;
      keep(error.message);
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      undo.forget();
      resolve({ code: failed ? 127 : (code ?? 137), lines });
    });
  });
}

/** Kills a process group; with sudo where the processes belong to root. */
export function killGroup(pid, viaSudo = false) {
  if (!pid) return;
  if (viaSudo) {
    spawnSync('sudo', ['-n', 'kill', '-KILL', '--', `-${pid}`], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Calls back with each line of a stream; carriage returns of progress bars end a line too. */
export function splitLines(stream, onLine) {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk) => {
    const parts = (rest + chunk).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim()) onLine(part.trimEnd());
  });
  stream.on('end', () => {
    if (rest.trim()) onLine(rest.trimEnd());
  });
}
