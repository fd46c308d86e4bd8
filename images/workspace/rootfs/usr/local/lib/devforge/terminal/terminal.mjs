import { userInfo } from 'node:os';
import { Pty } from './pty.mjs';
import { ReplyFilter } from './reply-filter.mjs';
import { Screen } from './screen.mjs';
import { sessionProcesses, signalSession } from './session.mjs';

const FOLDER = '/workspace';
/** Characters that are collected before the screen shows them. */
const MAX_PENDING_LENGTH = 128 * 1024;
/** Least time between two showings of output that is no echo: large pieces cost less than many small ones. */
const SHOW_INTERVAL_MS = 4;
/** How long a drawing waits for the end of a control sequence. */
const SEQUENCE_TIMEOUT_MS = 100;
const GRACE_MS = 1_000;
const GRACE_POLL_MS = 50;

/**
 * @typedef {{ cols: number, rows: number }} Size
 * @typedef {object} Watcher
 * @property {boolean} isFull
 * @property {(text: string) => void} output
 * @property {(size: Size) => void} resized
 * @property {(exitCode: number) => void} exited
 */

/**
 * A shell, its terminal, and the screen of that. Watchers are notified of all events in order: of output once the screen
 * shows it, so that a drawing of the screen stands exactly between the output before and after it.
 */
export class Terminal {
  /** @type {Set<Watcher>} */
  #watchers = new Set();
  #pty;
  #screen;
  #replies = new ReplyFilter();
  /** Output that the screen does not show yet. */
  #pending = '';
  #shownAt = 0;
  #isEchoExpected = false;
  /** @type {NodeJS.Timeout | undefined} */
  #showTimer;
  #isEnding = false;
  startedAt = new Date();
  lastUsedAt = this.startedAt;

  /** @param {string} id @param {Size} size @param {(exitCode: number) => void} onEnd */
  constructor(id, size, onEnd) {
    this.id = id;
    this.size = size;
    this.#screen = new Screen(size, (reply) => this.#sendReply(reply));
    const shell = userInfo().shell ?? '/bin/sh';
    this.#pty = new Pty(
      { file: shell, args: ['-l'], env: shellEnvironment(shell), cwd: FOLDER, ...size },
      { onData: (text) => this.#onOutput(text), onEnd: (exitCode) => void this.#onExit(exitCode, onEnd) },
    );
  }

  get description() {
    return {
      id: this.id,
      ...this.size,
      title: this.#screen.title,
      startedAt: this.startedAt.toISOString(),
      lastUsedAt: this.lastUsedAt.toISOString(),
    };
  }

  /** @param {Watcher} watcher */
  watch(watcher) {
    this.#watchers.add(watcher);
  }

  /** @param {Watcher} watcher */
  unwatch(watcher) {
    this.#watchers.delete(watcher);
    this.updatePace();
  }

  /** @param {Buffer} bytes @param {() => void} onWritten */
  input(bytes, onWritten) {
    this.lastUsedAt = new Date();
    if (this.#replies.isRepeated(bytes.toString())) return onWritten();
    this.#isEchoExpected = true;
    this.#pty.write(bytes, onWritten);
  }

  /**
   * The program gets the new size at once, before further input; screen and watchers get it after all earlier output.
   * @param {Size} size
   */
  resize(size) {
    this.#pty.resize(size.cols, size.rows);
    this.#show();
    if (size.cols === this.size.cols && size.rows === this.size.rows) return;
    this.size = size;
    this.#screen.resize(size);
    for (const watcher of this.#watchers) watcher.resized(size);
  }

  /** @param {(drawing: string, size: Size) => void} onDrawn called before any later output is sent to watchers */
  draw(onDrawn, deadline = performance.now() + SEQUENCE_TIMEOUT_MS) {
    this.#show();
    if (this.#screen.isBetweenSequences || performance.now() > deadline) return onDrawn(this.#screen.draw(), this.size);
    setTimeout(() => this.draw(onDrawn, deadline), 1);
  }

  /** Ends all processes of the terminal: with SIGHUP, then with SIGKILL. */
  end() {
    this.#isEnding = true;
    signalSession(this.#pty.pid, 'SIGHUP');
    signalSession(this.#pty.pid, 'SIGCONT');
    setTimeout(() => signalSession(this.#pty.pid, 'SIGKILL'), GRACE_MS);
  }

  /** Pauses the program while a watcher has not kept up. */
  updatePace() {
    if ([...this.#watchers].some(({ isFull }) => isFull)) this.#pty.pause();
    else this.#pty.resume();
  }

  /** @param {string} text */
  #onOutput(text) {
    this.#pending += text;
    const dueIn = this.#shownAt + SHOW_INTERVAL_MS - performance.now();
    if (this.#isEchoExpected || dueIn <= 0 || this.#pending.length >= MAX_PENDING_LENGTH) this.#show();
    else this.#showTimer ??= setTimeout(() => this.#show(), dueIn);
  }

  /** Feeds pending output to the screen, then to the watchers. */
  #show() {
    clearTimeout(this.#showTimer);
    this.#showTimer = undefined;
    const text = this.#pending;
    if (text === '') return;
    this.#pending = '';
    this.#isEchoExpected = false;
    this.#screen.write(text);
    this.#shownAt = performance.now();
    for (const watcher of this.#watchers) watcher.output(text);
    this.updatePace();
  }

  /** @param {string} reply */
  #sendReply(reply) {
    this.#replies.record(reply);
    this.#pty.write(Buffer.from(reply));
  }

  /** @param {number} exitCode @param {(exitCode: number) => void} onEnd */
  async #onExit(exitCode, onEnd) {
    // Background processes outlive their shell, unless the terminal was ended: then they are waited for.
    const deadline = performance.now() + GRACE_MS + GRACE_POLL_MS;
    while (this.#isEnding && performance.now() < deadline && sessionProcesses(this.#pty.pid).length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GRACE_POLL_MS));
    }
    this.#show();
    onEnd(exitCode);
    for (const watcher of this.#watchers) watcher.exited(exitCode);
  }
}

/** @param {string} shell @returns {NodeJS.ProcessEnv} */
function shellEnvironment(shell) {
  const { username, homedir } = userInfo();
  return {
    ...process.env,
    HOME: process.env['HOME'] ?? homedir,
    USER: username,
    LOGNAME: username,
    SHELL: shell,
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
  };
}
