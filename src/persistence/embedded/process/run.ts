import { execFile } from 'node:child_process';

/**
 * The complete environment of every program started here. The server outlives its parent, so the parent's environment
 * (secrets, `PG*` variables, `LD_PRELOAD`, a host locale) must not leak into it.
 */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

export interface RunResult {
  /** Exit code; `null` when the program could not be started or was killed by a signal. */
  exitCode: number | null;
  stdout: string;
  /** Standard error, or the reason why the program could not be started. */
  stderr: string;
}

export interface RunOptions {
  uid?: number;
  gid?: number;
  timeoutMs?: number;
}

/** Runs a short program to its end. Never rejects: a program that cannot be started is a result too. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs, ...identity } = options;
  return new Promise((resolve) => {
    const settings = {
      ...identity,
      // The working directory of the parent may be inaccessible to the server's user
      cwd: '/',
      env: CLEAN_ENVIRONMENT,
      encoding: 'utf8' as const,
      maxBuffer: 4 << 20,
      timeout: timeoutMs,
    };
    try {
      execFile(file, args, settings, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        resolve({
          exitCode: typeof code === 'number' ? code : null,
          stdout,
          stderr: stderr !== '' || error === null ? stderr : error.message,
        });
      });
    } catch (error) {
      // EPERM when switching the user is thrown instead of passed to the callback
      resolve({ exitCode: null, stdout: '', stderr: String(error) });
    }
  });
}
