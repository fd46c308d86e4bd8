import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface Finished {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to its stdin. */
  input?: Iterable<Buffer | string>;
  /** SIGKILL after this long to it and its children, and `exitCode` is `null`; 30 000 by default. */
  timeoutMs?: number;
}

/**
 * Runs a program to its end and never blocks the event loop, so that it may talk to a server of this very process.
 * A non-zero exit code is an answer, not an error.
 */
export async function run(command: string, args: string[], options: RunOptions = {}): Promise<Finished> {
  const { input = [], timeoutMs = 30_000, ...rest } = options;
  const child = spawn(command, args, { ...rest, detached: true });
  const late = setTimeout(() => killGroup(child.pid), timeoutMs);
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A program that ends without reading everything closes the pipe; its exit code tells.
  const fed = pipeline(Readable.from(input), child.stdin).catch(() => undefined);
  const exitCode = await ended.finally(() => clearTimeout(late));
  await fed;
  return { exitCode, ...output };
}

/** The helpers of git hold its pipes open: they have to end with it. */
function killGroup(pid: number | undefined): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

/** As {@link run}, for a program that must succeed; returns its stdout. */
export async function runOrThrow(command: string, args: string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(command, args, options);
  if (exitCode !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${exitCode}: ${stderr || stdout}`);
  return stdout;
}

/** An environment in which git reads no configuration of this machine and never asks. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: '/nonexistent',
    LANG: 'C.UTF-8',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
  };
}
