import { userInfo } from 'node:os';
import { Pty } from './pty.mjs';
import { Replies } from './replies.mjs';
import { Screen } from './screen.mjs';
import { sessionProcesses, signalSession } from './session.mjs';

const FOLDER = '/workspace';
/** Characters that may wait for the screen before the program has to. */
const MOST_UNSHOWN = 128 * 1024;
/** How long the rest of a control sequence is waited for. */
const SEQUENCE_MS = 100;
const GRACE_MS = 1_000;
const GRACE_POLL_MS = 50;

/**
 * A shell, its terminal, and what that shows. Watchers are told of everything in its order: output once the screen shows it,
 * so that a drawing of the screen stands exactly between what came before and what comes after.
 *
 * @typedef {{ isFull: boolean, output(text: string): void, resized(size: Size): void, exited(exitCode: number): void }} Watcher
 * @typedef {{ cols: number, rows: number }} Size
 */
export class Terminal {
  /** @type {Set<Watcher>} */
  #watchers = new Set();
  #pty;
  #screen;
  #replies = new Replies();
  #unshown = 0;
  /** Shown, and not told yet. */
  #fresh = '';
  #isEnding = false;
  startedAt = new Date();
  lastUsedAt = this.startedAt;

  /** @param {string} id @param {Size} size @param {() => void} onEnd */
  constructor(id, size, onEnd) {
    this.id = id;
    this.size = size;
    this.#screen = new Screen(size, (reply) => this.#answer(reply));
    const { shell } = userInfo();
    this.#pty = new Pty(
      { file: shell ?? '/bin/sh', args: ['-l'], env: shellEnvironment(shell), cwd: FOLDER, ...size },
      { onData: (text) => this.#read(text), onEnd: (exitCode) => void this.#ended(exitCode, onEnd) },
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

  watch(watcher) {
    this.#watchers.add(watcher);
  }

  unwatch(watcher) {
    this.#watchers.delete(watcher);
    this.pace();
  }

  /** @param {Buffer} bytes @param {() => void} written */
  input(bytes, written) {
    this.lastUsedAt = new Date();
    if (this.#replies.areRepeatedBy(bytes.toString())) return written();
    this.#screen.expectEcho();
    this.#pty.write(bytes, written);
  }

  /** For the program at once, so that what is typed next finds it; for whoever watches when what was written before is shown. @param {Size} size */
  resize(size) {
    this.#pty.resize(size.cols, size.rows);
    this.#inOrder(() => {
      if (size.cols === this.size.cols && size.rows === this.size.rows) return;
      this.size = size;
      this.#screen.resize(size);
      for (const watcher of this.#watchers) watcher.resized(size);
    });
  }

  /** @param {(drawing: string, size: Size) => void} drawn called between what the screen shows already and what comes next */
  draw(drawn, deadline = performance.now() + SEQUENCE_MS) {
    this.#inOrder(() => {
      if (this.#screen.isBetweenSequences || performance.now() > deadline) return drawn(this.#screen.draw(), this.size);
      setTimeout(() => this.draw(drawn, deadline), 1);
    });
  }

  /** Ends everything that runs in it: politely, then not. */
  end() {
    this.#isEnding = true;
    signalSession(this.#pty.pid, 'SIGHUP');
    signalSession(this.#pty.pid, 'SIGCONT');
    setTimeout(() => signalSession(this.#pty.pid, 'SIGKILL'), GRACE_MS);
  }

  /** The program waits while the screen, or a watcher, has not kept up. */
  pace() {
    if (this.#unshown > MOST_UNSHOWN || [...this.#watchers].some(({ isFull }) => isFull)) this.#pty.pause();
    else this.#pty.resume();
  }

  #read(text) {
    this.#unshown += text.length;
    this.#screen.write(text, () => {
      this.#unshown -= text.length;
      // Told together with whatever else is shown in the same turn.
      if (this.#fresh === '') queueMicrotask(() => this.#tell());
      this.#fresh += text;
    });
    if (this.#unshown > MOST_UNSHOWN) this.pace();
  }

  #tell() {
    const text = this.#fresh;
    if (text === '') return;
    this.#fresh = '';
    for (const watcher of this.#watchers) watcher.output(text);
    this.pace();
  }

  #inOrder(work) {
    this.#screen.write('', () => {
      this.#tell();
      work();
    });
  }

  #answer(reply) {
    this.#replies.given(reply);
    this.#pty.write(Buffer.from(reply));
  }

  async #ended(exitCode, onEnd) {
    // What was asked to end outlives its shell by the grace at most; what a shell left running on purpose stays.
    const deadline = performance.now() + GRACE_MS + GRACE_POLL_MS;
    while (this.#isEnding && performance.now() < deadline && sessionProcesses(this.#pty.pid).length > 0) {
      await new Promise((resolve) => setTimeout(resolve, GRACE_POLL_MS));
    }
    this.#inOrder(() => {
      onEnd();
      for (const watcher of this.#watchers) watcher.exited(exitCode);
    });
  }
}

function shellEnvironment(shell) {
  const { username, homedir } = userInfo();
  return {
    ...process.env,
    HOME: process.env.HOME ?? homedir,
    USER: username,
    LOGNAME: username,
    SHELL: shell ?? '/bin/sh',
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
  };
}
