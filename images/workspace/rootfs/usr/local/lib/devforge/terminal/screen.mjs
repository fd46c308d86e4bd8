import { createRequire } from 'node:module';
import { KeyboardModes } from './keyboard-modes.mjs';

const require = createRequire(import.meta.url);
const { Terminal } = require('@xterm/headless');
const { SerializeAddon } = require('@xterm/addon-serialize');

const MOST_SCROLLBACK_ROWS = 2_000;
/** A cell takes 12 bytes. */
const MOST_CELLS = 500_000;
/** Characters of what draws a screen; one that needs more is drawn with less. DevForge takes frames of 4 MiB. */
const LONGEST_DRAWING = 1024 * 1024;
const LONGEST_TITLE = 200;
const OUTSIDE_OF_SEQUENCES = 0;
const MOUSE_ENCODINGS = { SGR: '\x1b[?1006h', SGR_PIXELS: '\x1b[?1016h' };

/** What a terminal shows, kept by reading all that is written to it. */
export class Screen {
  #terminal;
  #serializer = new SerializeAddon();
  #keyboard;
  #title = '';

  /** @param {(reply: string) => void} onReply what a terminal answers to a program that asks, where its cursor is for one */
  constructor({ cols, rows }, onReply) {
    this.#terminal = new Terminal({
      cols,
      rows,
      scrollback: scrollbackFor(cols, rows),
      allowProposedApi: true,
      logLevel: 'off',
    });
    this.#terminal.loadAddon(this.#serializer);
    this.#terminal.onData((reply) => reply !== '' && onReply(reply));
    this.#terminal.onTitleChange((title) => (this.#title = title.slice(0, LONGEST_TITLE)));
    this.#keyboard = new KeyboardModes(this.#terminal);
  }

  get title() {
    return this.#title;
  }

  /** @param {() => void} shown called once the screen shows it, and nothing that was written later */
  write(text, shown) {
    this.#terminal.write(text, shown);
  }

  /** What is written next is an echo, as a rule: it is shown at once, not in the next turn. */
  expectEcho() {
    this.#terminal.input('');
  }

  resize({ cols, rows }) {
    this.#terminal.options.scrollback = scrollbackFor(cols, rows);
    this.#terminal.resize(cols, rows);
  }

  /** Whether what comes next can be understood without what came before. */
  get isBetweenSequences() {
    return this.#terminal._core._inputHandler._parser.currentState === OUTSIDE_OF_SEQUENCES;
  }

  /** What draws this screen on a terminal that has just been reset. */
  draw() {
    const full = this.#serializer.serialize({ scrollback: MOST_SCROLLBACK_ROWS });
    if (full.length <= LONGEST_DRAWING) return full + this.#furtherModes();
    const visible = this.#serializer.serialize({ scrollback: 0 });
    return (visible.length <= LONGEST_DRAWING ? visible : this.#plain()) + this.#furtherModes();
  }

  /** Without colours. */
  #plain() {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '',
    );
    return lines.join('\r\n').slice(-LONGEST_DRAWING);
  }

  /** What the serializer leaves out. The cursor is set after the region, which moves it, and before the origin is. */
  #furtherModes() {
    const { buffer, coreMouseService, coreService } = this.#terminal._core;
    const { cursorX, cursorY } = this.#terminal.buffer.active;
    const isWhole = buffer.scrollTop === 0 && buffer.scrollBottom === this.#terminal.rows - 1;
    const origin = this.#terminal.modes.originMode;
    const cursor = `\x1b[${cursorY + 1};${Math.min(cursorX, this.#terminal.cols - 1) + 1}H`;
    return [
      isWhole
        ? ''
        : `\x1b[?6l\x1b[${buffer.scrollTop + 1};${buffer.scrollBottom + 1}r${cursor}${origin ? '\x1b[?6h' : ''}`,
      MOUSE_ENCODINGS[coreMouseService.activeEncoding] ?? '',
      coreService.isCursorHidden ? '\x1b[?25l' : '',
      this.#keyboard.draw(),
      this.#title === '' ? '' : `\x1b]2;${this.#title}\x07`,
    ].join('');
  }
}

function scrollbackFor(cols, rows) {
  return Math.max(0, Math.min(MOST_SCROLLBACK_ROWS, Math.floor(MOST_CELLS / cols) - rows));
}
