const MAX_STACK = 16;
const MODIFY_OTHER_KEYS = 4;

/**
 * How a program wants keys to be reported: xterm's modifyOtherKeys and the stack of flags of the kitty protocol. The screen
 * does not use them, but the terminal of a client that joins later must.
 */
export class KeyboardModes {
  #modifyOtherKeys = 0;
  /** @type {number[]} */
  #kittyFlags = [];

  /** @param {import('@xterm/headless').Terminal} terminal */
  constructor(terminal) {
    /** @param {import('@xterm/headless').IFunctionIdentifier} id @param {(...params: number[]) => void} handle */
    const on = (id, handle) =>
      terminal.parser.registerCsiHandler(id, (params) => {
        handle(...params.map((param) => (Array.isArray(param) ? 0 : param)));
        // The screen's own handlers run as well.
        return false;
      });
    on({ prefix: '>', final: 'm' }, (mode, value = 0) => {
      if (mode === MODIFY_OTHER_KEYS) this.#modifyOtherKeys = value;
    });
    on({ prefix: '>', final: 'u' }, (flags = 0) => {
      this.#kittyFlags.push(flags);
      if (this.#kittyFlags.length > MAX_STACK) this.#kittyFlags.shift();
    });
    on({ prefix: '<', final: 'u' }, (count = 1) =>
      this.#kittyFlags.splice(Math.max(0, this.#kittyFlags.length - Math.max(1, count))),
    );
    terminal.parser.registerEscHandler({ final: 'c' }, () => {
      this.#modifyOtherKeys = 0;
      this.#kittyFlags = [];
      return false;
    });
  }

  /** The sequences that set these modes on a terminal that has just been reset. */
  draw() {
    return (
      (this.#modifyOtherKeys === 0 ? '' : `\x1b[>4;${this.#modifyOtherKeys}m`) +
      this.#kittyFlags.map((flags) => `\x1b[>${flags}u`).join('')
    );
  }
}
