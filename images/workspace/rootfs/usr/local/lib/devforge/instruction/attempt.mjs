import { setTimeout as sleep } from 'node:timers/promises';
import { Lines, parseEvent } from './lines.mjs';
import { oomKills } from './memory.mjs';
import { permissionResponse, userMessage } from './messages.mjs';
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

  /** @param {{ cli: import('./cli-process.mjs').CliProcess, id, request, conversation, remainingMs, stderr, onLines, onStop }} parts */
  constructor(parts) {
    Object.assign(this, parts);
    this.#listen();
  }

  prompt() {
    this.watch.heard();
    this.#write(userMessage(this.cli.prompt));
  }

  /** @param {'cancelled' | 'timed_out' | 'stalled' | 'auth_failed' | 'grace'} why the first cause counts, or that it was cancelled */
  stop(why) {
    if (why !== 'grace' && (!this.#stopped || why === 'cancelled')) {
      this.#stopped = why;
      this.onStop(why);
    }
    this.watch.stop();
    this.ladder?.begin(why === 'grace' ? 'SIGTERM' : 'SIGINT');
  }

  /** Ends the CLI without a word about why; its session stays. */
  interrupt() {
    if (this.ladder) signal(-this.cli.pid, 'SIGTERM');
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
    const { child, ended, closed } = this.cli;
    const exit = await ended;
    this.watch.stop();
    this.ladder?.end();
    this.ladder = null;
    if (!exit.error) await Promise.race([closed, sleep(DRAIN_MS)]);
    child.stdout.destroy();
    child.stderr.destroy();
    const rest = this.#lines.rest();
    if (parseEvent(rest)) this.#read([rest]);
    // What an agent has left running on purpose may stay, but not what was cut short.
    if (this.#stopped || !this.conversation.result) killMarked(this.id);
    return { ...exit, outOfMemory: exit.signal === 'SIGKILL' && oomKills() > this.oomKills };
  }

  #listen() {
    const { cli, request } = this;
    this.oomKills = oomKills();
    this.watch = new Watch(request, this.conversation, this.remainingMs, (why) => this.stop(why));
    cli.child.stdin.on('error', () => undefined);
    cli.child.stdout.on('data', (chunk) => this.#read(this.#lines.push(chunk)));
    cli.child.stderr.on('data', (chunk) => this.stderr.push(chunk));
    if (cli.pid !== undefined)
      this.ladder = new StopLadder({ pid: cli.pid, id: this.id, seconds: request.stopSeconds });
  }

  #read(lines) {
    const { conversation } = this;
    const wasOver = conversation.over;
    this.onLines(lines);
    for (const line of lines) conversation.observe(parseEvent(line));
    if (conversation.over && !wasOver) this.cli.child.stdin.end();
    if (conversation.refusals >= REFUSALS) this.stop('auth_failed');
    this.watch.heard();
  }

  #write(message) {
    this.cli.child.stdin.write(`${JSON.stringify(message)}\n`);
  }
}
