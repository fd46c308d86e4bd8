import { setTimeout as sleep } from 'node:timers/promises';
import { LineSplitter, parseEvent } from './line-splitter.mjs';
import { oomKills } from './oom-kills.mjs';
import { permissionResponse, userMessage } from './messages.mjs';
import { killRunProcesses, sendSignal } from './run-processes.mjs';
import { TerminationSequence } from './termination-sequence.mjs';
import { Watchdog } from './watchdog.mjs';

/** @typedef {import('./outcome.mjs').StopCause} StopCause */

/** How long to wait for the end of the output after the CLI has ended: a process it left behind may keep it open. */
const DRAIN_MS = 1_000;
/** The CLI retries for minutes after a 401, although a rejected credential stays rejected. */
const MAX_AUTH_FAILURES = 3;

/**
 * @typedef {object} AttemptDependencies
 * @property {import('./cli-process.mjs').CliProcess} cli
 * @property {string} id of the instruction
 * @property {import('./request.mjs').Request} request
 * @property {import('./conversation.mjs').Conversation} conversation
 * @property {number} remainingMs what is left of the request's `timeoutSeconds`
 * @property {import('./stderr-tail.mjs').StderrTail} stderr
 * @property {(lines: Buffer[]) => void} onLines
 * @property {(cause: StopCause) => void} onStop
 */

/** One run of the CLI, from its start to its end. */
export class Attempt {
  #lines = new LineSplitter();
  /** @type {StopCause | null} */
  #stopped = null;
  /** @type {Set<string>} */
  #answered = new Set();
  /** @type {TerminationSequence | null} */
  #termination = null;
  #oomKills = oomKills();
  #parts;
  #watchdog;

  /** @param {AttemptDependencies} parts */
  constructor(parts) {
    this.#parts = parts;
    const { id, cli, request, conversation, remainingMs, stderr } = parts;
    this.#watchdog = new Watchdog(request, conversation, remainingMs, (cause) => this.stop(cause));
    cli.child.stdin.on('error', () => undefined);
    cli.child.stdout.on('data', (chunk) => this.#read(this.#lines.push(chunk)));
    cli.child.stderr.on('data', (chunk) => stderr.push(chunk));
    if (cli.pid !== undefined)
      this.#termination = new TerminationSequence({ pid: cli.pid, id, seconds: request.stopSeconds });
  }

  /** Resolves when the CLI has ended, whether or not its output has been read. */
  get ended() {
    return this.#parts.cli.ended;
  }

  prompt() {
    this.#watchdog.reset();
    this.#write(userMessage(this.#parts.cli.prompt));
  }

  /** The first cause is kept, unless a later one is `cancelled`. @param {StopCause | 'grace'} cause */
  stop(cause) {
    if (cause !== 'grace' && (!this.#stopped || cause === 'cancelled')) {
      this.#stopped = cause;
      this.#parts.onStop(cause);
    }
    this.#watchdog.stop();
    this.#termination?.begin(cause === 'grace' ? 'SIGTERM' : 'SIGINT');
  }

  /** Ends the CLI without noting a cause; its session can be resumed. */
  interrupt() {
    const { pid } = this.#parts.cli;
    if (this.#termination && pid !== undefined) sendSignal(-pid, 'SIGTERM');
  }

  /**
   * @param {string} requestId
   * @param {{ decision: string, message?: string }} decision
   * @returns {'answered' | 'unknown'}
   */
  answer(requestId, decision) {
    const { permissions } = this.#parts.conversation;
    const request = permissions.get(requestId);
    if (!request) return this.#answered.has(requestId) ? 'answered' : 'unknown';
    this.#write(permissionResponse(requestId, request, decision));
    permissions.delete(requestId);
    this.#answered.add(requestId);
    this.#watchdog.reset();
    return 'answered';
  }

  /**
   * Resolves when the CLI has ended and its output has been read.
   * @returns {Promise<import('./outcome.mjs').CliExit>}
   */
  async end() {
    const { id, cli, conversation } = this.#parts;
    const exit = await cli.ended;
    this.#watchdog.stop();
    this.#termination?.end();
    this.#termination = null;
    if (!exit.error) await Promise.race([cli.closed, sleep(DRAIN_MS)]);
    cli.child.stdout.destroy();
    cli.child.stderr.destroy();
    const rest = this.#lines.rest();
    if (parseEvent(rest)) this.#read([rest]);
    // Background processes of a completed run may go on; those of an interrupted one are killed.
    if (this.#stopped || !conversation.result) killRunProcesses(id);
    return { ...exit, outOfMemory: exit.signal === 'SIGKILL' && oomKills() > this.#oomKills };
  }

  /** @param {Buffer[]} lines */
  #read(lines) {
    const { cli, conversation, onLines } = this.#parts;
    const wasFinished = conversation.isFinished;
    onLines(lines);
    for (const line of lines) conversation.observe(parseEvent(line));
    if (conversation.isFinished && !wasFinished) cli.child.stdin.end();
    if (conversation.authFailures >= MAX_AUTH_FAILURES) this.stop('auth_failed');
    this.#watchdog.reset();
  }

  /** @param {object} message */
  #write(message) {
    this.#parts.cli.child.stdin.write(`${JSON.stringify(message)}\n`);
  }
}
