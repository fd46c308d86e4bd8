/** Runs one tier, bounded in time, and counts its tests. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup, projectEnv } from './exec.mjs';
import { NODE, ROOT } from './paths.mjs';
import { defer, isStopping } from './shutdown.mjs';
import { jestWords, tierCount } from './tiers.mjs';

/** How long a run may live on after its last result before it counts as hung. */
const GRACE_MS = 30_000;

/**
 * What a command writes is streamed, or handed to `output` once it has ended.
 * @typedef {(text: string) => void} Output
 * @param {import('./tiers.mjs').Tier} tier
 * @param {{ jestArgs: string[], passWithNoTests: boolean, env?: Record<string, string>, output?: Output }} options
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runTier(tier, { jestArgs, passWithNoTests, env = {}, output }) {
  if (tier.kind === 'command') {
    const code = await stream(tier.words ?? [], { env, minutes: tier.minutes, output });
    return tierCount({ code, summary: { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 } });
  }
  const directory = mkdtempSync(join(tmpdir(), 'devforge-tier-'));
  const remove = defer(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'summary.json');
  try {
    const words = [NODE, ...jestWords(tier, jestArgs)];
    const code = await stream(words, {
      env: { ...env, DEVFORGE_SUMMARY_FILE: file },
      minutes: tier.minutes,
      finished: () => existsSync(file),
    });
    return tierCount({
      code,
      summary: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined,
      passWithNoTests,
    });
  } finally {
    await remove.now();
  }
}

const plainOutput = () => (process.stdout.isTTY || process.env.FORCE_COLOR ? {} : { NO_COLOR: '1' });

/**
 * @param {string[]} words
 * @param {{ env: object, minutes: number, output?: Output, finished?: () => boolean }} options
 * @returns {Promise<number>} the exit code; 124 when it was ended for taking too long
 */
function stream([program = '', ...args], { env, minutes, output, finished = () => false }) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: ROOT,
      env: projectEnv({ ...plainOutput(), ...env }),
      stdio: output ? ['ignore', 'pipe', 'pipe'] : ['ignore', 'inherit', 'inherit'],
      detached: true,
    });
    let written = '';
    for (const pipe of [child.stdout, child.stderr]) pipe?.setEncoding('utf8').on('data', (text) => (written += text));
    const undo = defer(() => stop(child));
    const deadline = Date.now() + minutes * 60_000;
    let finishedAt;
    let reason;
    const watch = setInterval(() => {
      if (finished()) finishedAt ??= Date.now();
      if (finishedAt && Date.now() - finishedAt > GRACE_MS)
        reason = `still running ${GRACE_MS / 1000} s after its last test: something was left open`;
      if (Date.now() > deadline) reason = `not done after ${minutes} minutes`;
      if (reason) killGroup(child.pid);
    }, 1000);
    const settle = (code) => {
      clearInterval(watch);
      // The signal that ends this tier ends the script: no other tier begins.
      if (isStopping()) return;
      undo.forget();
      output?.(written);
      if (reason) process.stdout.write(`\n${reason}\n`);
      resolve(reason ? 124 : code);
    };
    child.on('error', (error) => {
      process.stdout.write(`${error.message}\n`);
      settle(127);
    });
    child.on(output ? 'close' : 'exit', (code) => settle(code ?? 137));
  });
}

/** On a signal the tests get the chance to tidy up what they started. */
async function stop(child) {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null) return;
  process.kill(-child.pid, 'SIGTERM');
  const timer = setTimeout(() => killGroup(child.pid), 10_000);
  await ended;
  clearTimeout(timer);
}
