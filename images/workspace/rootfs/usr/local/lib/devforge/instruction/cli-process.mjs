import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { cliArguments, guidanceOf, MARK, opening } from './cli.mjs';

/**
 * The CLI of one attempt, on its way. A module of its own with little to load: the time until the CLI's first event
 * counts, and everything else can be loaded while it starts.
 */
export class CliProcess {
  /** @param {{ settings, folder, request, progress, offset: number, seenSession: string | null }} attempt */
  static begin({ settings, folder, request, progress, offset, seenSession }) {
    progress.beginAttempt(offset);
    const { session, prompt } = opening(request, seenSession, process.env);
    return new CliProcess(
      settings.claude,
      cliArguments(request, session, keepGuidance(folder, request.cwd)),
      request.cwd,
      folder.id,
      prompt,
    );
  }

  constructor(file, words, cwd, id, prompt) {
    this.prompt = prompt;
    this.child = spawn(file, words, { cwd, env: { ...process.env, [MARK]: id }, detached: true, stdio: 'pipe' });
    /** How it ended: `{ code, signal, error }`. */
    this.ended = new Promise((resolve) => {
      this.child.once('error', ({ code }) =>
        resolve({ code: null, signal: null, error: existsSync(cwd) ? code : 'ENOCWD' }),
      );
      this.child.once('exit', (code, signal) => resolve({ code, signal, error: null }));
    });
    /** Its output is read to the end. */
    this.closed = new Promise((resolve) => this.child.once('close', resolve));
    if (this.pid === undefined) return;
    sparePeers(this.pid);
    this.#neverAlone();
  }

  /** `undefined` when it could not be started. */
  get pid() {
    return this.child.pid;
  }

  /** A runner that fails leaves no CLI without one. */
  #neverAlone() {
    const kill = () => this.child.kill('SIGKILL');
    process.once('exit', kill);
    this.child.once('exit', () => process.off('exit', kill));
  }
}

function keepGuidance(folder, cwd) {
  const text = guidanceOf(cwd);
  if (text === null) return null;
  const file = folder.file('guidance.md');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** When memory runs out, the kernel takes the CLI before the runner that has to tell of it. */
function sparePeers(pid) {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '900');
  } catch {
    // It is gone already.
  }
}
