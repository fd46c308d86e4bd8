import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cliArguments, MARK, permissionResponse, userMessage } from './cli.mjs';
import { Lines, parseEvent } from './lines.mjs';
import { oomKills } from './memory.mjs';
import { killMarked, signal } from './processes.mjs';
import { StopLadder } from './stop-ladder.mjs';
import { Watch } from './watch.mjs';

/** How long output may still come after the CLI has ended, while a process it left behind holds it open. */
const DRAIN_MS = 1_000;
/** The CLI asks again for minutes after a 401; a key does not get better by that. */
const REFUSALS = 3;

/** One run of the CLI, from its start until it is gone. */
export class Attempt {
  #lines = new Lines();
  #stopped = null;
  #answered = new Set();

  /** @param {{ settings, folder, request, conversation, opening, guidance, remainingMs, stderr, onLines, onStop }} parts */
  constructor(parts) {
    Object.assign(this, parts);
  }

  launch() {
    const { request, folder, settings } = this;
    this.oomKills = oomKills();
    this.watch = new Watch(request, this.conversation, this.remainingMs, (why) => this.stop(why));
    this.cli = spawn(settings.claude, cliArguments(request, this.opening.session, this.guidance), {
      cwd: request.cwd,
      env: { ...process.env, [MARK]: folder.id },
      detached: true,
      stdio: 'pipe',
    });
    this.ended = new Promise((resolve) => {
      this.cli.once('error', (error) => resolve({ code: null, signal: null, error: this.#notSpawned(error) }));
      this.cli.once('exit', (code, signal) => resolve({ code, signal, error: null }));
    });
    this.closed = new Promise((resolve) => this.cli.once('close', resolve));
    this.cli.stdin.on('error', () => undefined);
    this.cli.stdout.on('data', (chunk) => this.#read(this.#lines.push(chunk)));
    this.cli.stderr.on('data', (chunk) => this.stderr.push(chunk));
    if (this.cli.pid === undefined) return;
    this.ladder = new StopLadder({ pid: this.cli.pid, id: folder.id, seconds: request.stopSeconds });
    sparePeers(this.cli.pid);
    // A runner that fails leaves no CLI without one.
    const abandon = () => signal(-this.cli.pid, 'SIGKILL');
    process.once('exit', abandon);
    this.cli.once('exit', () => process.off('exit', abandon));
  }

  prompt() {
    this.watch.heard();
    this.#write(userMessage(this.opening.prompt));
  }

  /** @param {'cancelled' | 'timed_out' | 'stalled' | 'auth_failed' | 'grace'} why the first cause counts */
  stop(why) {
    if (why !== 'grace' && !this.#stopped) {
      this.#stopped = why;
      this.onStop(why);
    }
    this.watch.stop();
    this.ladder?.begin(why === 'grace' ? 'SIGTERM' : 'SIGINT');
  }

  /** Ends the CLI without a word about why; its session stays. */
  interrupt() {
    if (this.cli.pid !== undefined) signal(-this.cli.pid, 'SIGTERM');
  }

  /** @returns {'answered' | 'unknown'} */
  answer(requestId, decision) {
    const request = this.conversation.permissions.get(requestId);
    if (!request) return this.#answered.has(requestId) ? 'answered' : 'unknown';
    this.#write(permissionResponse(requestId, request, decision));
    this.conversation.permissions.delete(requestId);
    this.#answered.add(requestId);
    this.watch.heard();
    return 'answered';
  }

  /** Resolves when the CLI is gone and its output is read. */
  async end() {
    const exit = await this.ended;
    if (!exit.error) await Promise.race([this.closed, sleep(DRAIN_MS)]);
    this.watch.stop();
    this.ladder?.end();
    this.cli.stdout?.destroy();
    this.cli.stderr?.destroy();
    const rest = this.#lines.rest();
    if (parseEvent(rest)) this.#read([rest]);
    // What an agent has left running on purpose may stay, but not what was cut short.
    if (this.#stopped || !this.conversation.result) killMarked(this.folder.id);
    return { ...exit, stopped: this.#stopped, outOfMemory: exit.signal === 'SIGKILL' && oomKills() > this.oomKills };
  }

  #read(lines) {
    const { conversation } = this;
    const wasOver = conversation.over;
    this.onLines(lines);
    for (const line of lines) conversation.observe(parseEvent(line));
    if (conversation.over && !wasOver) this.cli.stdin.end();
    if (conversation.refusals >= REFUSALS) this.stop('auth_failed');
    if (!this.ladder?.begun) this.watch.heard();
  }

  #write(message) {
    this.cli.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #notSpawned(error) {
    return existsSync(this.request.cwd) ? error.code : 'ENOCWD';
  }
}

/** When memory runs out, the kernel takes the CLI before the runner that has to tell of it. */
function sparePeers(pid) {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '900');
  } catch {
    // It is gone already.
  }
}
