import { createRequire } from 'node:module';
import { KeyboardModes } from './keyboard-modes.mjs';

const require = createRequire(import.meta.url);
/** @type {typeof import('@xterm/headless')} */
const { Terminal } = require('@xterm/headless');
/** Of the installed package in the image; where this is type-checked, it may be missing. */
const SERIALIZE_ADDON = '@xterm/addon-serialize';
/** @type {{ SerializeAddon: new () => Serializer }} */
const { SerializeAddon } = require(SERIALIZE_ADDON);

/**
 * @typedef {import('./terminal.mjs').Size} Size
 * @typedef {import('@xterm/headless').ITerminalAddon & { serialize(options: { scrollback: number }): string }} Serializer
 *
 * Of xterm's internals, what its API does not offer.
 * @typedef {object} Internals
 * @property {(text: string) => void} writeSync
 * @property {{ _parser: { currentState: number } }} _inputHandler
 * @property {{ scrollTop: number, scrollBottom: number }} buffer
 * @property {{ activeEncoding: string }} coreMouseService
 * @property {{ isCursorHidden: boolean }} coreService
 */

const MAX_SCROLLBACK_ROWS = 2_000;
/** A cell takes 12 bytes. */
const MAX_CELLS = 500_000;
/** In characters. A screen that needs more is drawn without details. DevForge accepts frames of up to 4 MiB. */
const MAX_DRAWING_LENGTH = 1024 * 1024;
const MAX_TITLE_LENGTH = 200;
const GROUND_STATE = 0;
const LINE_BREAK = '\r\n';
// All control characters but tab and line breaks.
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\v\f\x0e-\x1f\x7f-\x9f]/;
/** Characters that are kept before they are written to the terminal. By then most of many lines have left the scrollback. */
const MAX_UNWRITTEN_LENGTH = 256 * 1024;
/** @type {Record<string, string>} */
const MOUSE_ENCODINGS = { SGR: '\x1b[?1006h', SGR_PIXELS: '\x1b[?1016h' };

/**
 * What a terminal shows, as the result of everything that has been written to it. Text without control sequences, to which a
 * terminal replies nothing, is written to the headless xterm only when somebody looks at it.
 */
export class Screen {
  #terminal;
  #unwritten = '';
  #serializer = new SerializeAddon();
  #keyboard;
  #title = '';

  /** @param {Size} size @param {(reply: string) => void} onReply called with replies to a program's queries */
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
    this.#terminal.onTitleChange((title) => (this.#title = title.slice(0, MAX_TITLE_LENGTH)));
    this.#keyboard = new KeyboardModes(this.#terminal);
  }

  get title() {
    return this.#title;
  }

  /** Replies to the queries in the text before it returns. @param {string} text */
  write(text) {
    this.#unwritten += text;
    const isPlain = this.isBetweenSequences && !CONTROL.test(text);
    if (!isPlain || this.#unwritten.length > MAX_UNWRITTEN_LENGTH) this.#flush();
  }

  /** @param {Size} size */
  resize({ cols, rows }) {
    this.#flush();
    this.#terminal.options.scrollback = scrollbackFor(cols, rows);
    this.#terminal.resize(cols, rows);
  }

  /** Whether the output so far does not end within a control sequence. */
  get isBetweenSequences() {
    return this.#internals._inputHandler._parser.currentState === GROUND_STATE;
  }

  /** The output that draws this screen on a terminal that has just been reset. */
  draw() {
    this.#flush();
    const full = this.#serializer.serialize({ scrollback: MAX_SCROLLBACK_ROWS });
    if (full.length <= MAX_DRAWING_LENGTH) return full + this.#furtherModes();
    const visible = this.#serializer.serialize({ scrollback: 0 });
    return (visible.length <= MAX_DRAWING_LENGTH ? visible : this.#plain()) + this.#furtherModes();
  }

  #flush() {
    const text = this.#unwritten;
    this.#unwritten = '';
    if (text !== '') this.#internals.writeSync(text.slice(this.#scrolledOff(text)));
  }

  /**
   * How much of the text leaves no trace, because further lines of it push it out of the scrollback. Only for text without
   * control sequences, where just the position of the cursor and the lines change.
   * @param {string} text
   */
  #scrolledOff(text) {
    const { buffer } = this.#internals;
    const { type } = this.#terminal.buffer.active;
    const rows = this.#terminal.rows;
    // The first lines are written over rows that have text already, which has to leave as well.
    const kept = 2 * rows + (type === 'normal' ? (this.#terminal.options.scrollback ?? 0) : 0);
    // Every line has at least its line break of two characters.
    if (text.length < 2 * kept || buffer.scrollTop !== 0 || buffer.scrollBottom !== rows - 1) return 0;
    if (!this.isBetweenSequences) return 0;
    const end = startOfLastLines(text, kept);
    return end > 0 && !CONTROL.test(text.slice(0, end)) ? end : 0;
  }

  /** The visible text without colours. */
  #plain() {
    const { active } = this.#terminal.buffer;
    const lines = Array.from(
      { length: this.#terminal.rows },
      (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '',
    );
    return lines.join('\r\n').slice(-MAX_DRAWING_LENGTH);
  }

  /**
   * Modes that the serializer leaves out. The cursor is set after the scroll region, which moves it, and before the origin
   * mode, which changes what its position means.
   */
  #furtherModes() {
    const { buffer, coreMouseService, coreService } = this.#internals;
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

  get #internals() {
    const terminal = /** @type {import('@xterm/headless').Terminal & { _core: Internals }} */ (this.#terminal);
    return terminal._core;
  }
}

/** @param {number} cols @param {number} rows */
function scrollbackFor(cols, rows) {
  return Math.max(0, Math.min(MAX_SCROLLBACK_ROWS, Math.floor(MAX_CELLS / cols) - rows));
}

/** Where the last lines of a text begin, that many line breaks from its end; 0 when it has fewer. @param {string} text @param {number} count */
function startOfLastLines(text, count) {
  let at = text.length;
  for (let found = 0; found <= count; found++) {
    at = text.lastIndexOf(LINE_BREAK, at - 1);
    if (at <= 0) return 0;
  }
  return at + LINE_BREAK.length;
}
