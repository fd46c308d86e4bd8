/** Runs a TypeScript program of the project, with the terminal of the script. */
import { spawn } from 'node:child_process';
import { projectEnv } from './exec.mjs';
import { NODE, ROOT } from './paths.mjs';
import { defer } from './shutdown.mjs';

/**
 * @param {string} file relative to the root
 * @param {string[]} [args]
 * @param {object} [env]
 * @returns {Promise<number>} the exit code. A signal to the script lets the program end first.
 */
export function runTypeScript(file, args = [], env = {}) {
  const words = ['--import', './scripts/lib/ts-hooks.mjs', file, ...args];
  const child = spawn(NODE, words, { cwd: ROOT, env: projectEnv(env), stdio: 'inherit', detached: true });
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 143));
  });
  defer(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await ended;
  });
  return ended;
}
