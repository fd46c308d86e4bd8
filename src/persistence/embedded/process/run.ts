import { execFile } from 'node:child_process';

/**
 * The whole environment of every program started here. The server outlives its parent, so nothing of the parent's
 * environment (secrets, `PG*` variables, `LD_PRELOAD`, a host locale) may leak into it.
 */
export const CLEAN_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
};

export interface RunResult {
  /** exit code; `null` when the program could not be started or was killed by a signal */
  exitCode: number | null;
  stdout: string;
  /** standard error, or why the program could not be started */
  stderr: string;
}

export interface RunOptions {
  uid?: number;
  gid?: number;
  timeoutMs?: number;
}

/** Runs a short program to its end. Never rejects: a program that cannot be started is a result as well. */
export function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { timeoutMs, ...identity } = options;
  return new Promise((resolve) => {
    const settings = {
      ...identity,
      // The parent's own directory may be closed to the server's user
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
      // EPERM while switching the user is thrown at once, not reported
      resolve({ exitCode: null, stdout: '', stderr: String(error) });
    }
  });
}
