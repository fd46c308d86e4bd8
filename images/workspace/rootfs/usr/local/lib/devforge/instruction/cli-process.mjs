import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cliArguments, ID_VARIABLE, readGuidance, sessionAndPrompt } from './cli.mjs';

/**
 * @typedef {object} AttemptStart
 * @property {import('./command-line.mjs').Settings} settings
 * @property {import('./folder.mjs').Folder} folder
 * @property {import('./request.mjs').Request} request
 * @property {import('./progress.mjs').Progress} progress
 * @property {number} offset where in the events the attempt begins, in bytes
 * @property {string | null} previousSession that of the attempt before
 */

/**
 * The CLI's process. This module imports as little as possible: the time until the CLI's first event counts, and
 * everything else can be loaded while the CLI starts.
 */
export class CliProcess {
  /** @param {AttemptStart} attempt */
  static begin({ settings, folder, request, progress, offset, previousSession }) {
    progress.beginAttempt(offset);
    const { session, prompt } = sessionAndPrompt(request, previousSession, process.env);
    return new CliProcess(
      settings.claude,
      cliArguments(request, session, writeGuidance(folder, request.cwd)),
      request.cwd,
      folder.id,
      prompt,
    );
  }

  /** @param {string} file @param {string[]} words @param {string} cwd @param {string} id @param {string} prompt */
  constructor(file, words, cwd, id, prompt) {
    this.prompt = prompt;
    this.child = spawn(file, words, { cwd, env: { ...process.env, [ID_VARIABLE]: id }, detached: true, stdio: 'pipe' });
    /**
     * Resolves when the CLI has ended, or could not be started.
     * @type {Promise<Omit<import('./outcome.mjs').CliExit, 'outOfMemory'>>}
     */
    this.ended = new Promise((resolve) => {
      this.child.once('error', (/** @type {NodeJS.ErrnoException} */ { code }) =>
        resolve({ code: null, signal: null, error: existsSync(cwd) ? (code ?? 'ERROR') : 'ENOCWD' }),
      );
      this.child.once('exit', (code, signal) => resolve({ code, signal, error: null }));
    });
    /** Resolves when its output has been read to the end. */
    this.closed = new Promise((resolve) => this.child.once('close', resolve));
    if (this.pid === undefined) return;
    preferForOomKill(this.pid);
    this.#killOnExit();
  }

  /** `undefined` when the CLI could not be started. */
  get pid() {
    return this.child.pid;
  }

  /** A runner that crashes must not leave a CLI behind. */
  #killOnExit() {
    const kill = () => this.child.kill('SIGKILL');
    process.once('exit', kill);
    this.child.once('exit', () => process.off('exit', kill));
  }
}

/** @param {import('./folder.mjs').Folder} folder @param {string} cwd */
function writeGuidance(folder, cwd) {
  const text = readGuidance(cwd);
  if (text === null) return null;
  const file = folder.file('guidance.md');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** When memory runs out, the kernel should kill the CLI and not the runner, which has to report it. @param {number} pid */
function preferForOomKill(pid) {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '900');
  } catch {
    // The process has ended.
  }
}
