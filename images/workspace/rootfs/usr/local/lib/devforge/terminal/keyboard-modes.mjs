const MOST_PUSHED = 16;
const OTHER_KEYS = 4;

/**
 * How a program wants keys to be reported: xterm's modifyOtherKeys and the levels of the kitty protocol. The screen has no
 * use for them, and a client that comes later has to know.
 */
export class KeyboardModes {
  #otherKeys = 0;
  #kitty = [];

  constructor(terminal) {
    // Nothing is kept from the screen's own handlers.
    const on = (id, handle) =>
      terminal.parser.registerCsiHandler(id, (params) => {
        handle(...params.map((param) => (Array.isArray(param) ? 0 : param)));
        return false;
      });
    on({ prefix: '>', final: 'm' }, (mode, value = 0) => {
      if (mode === OTHER_KEYS) this.#otherKeys = value;
    });
    on({ prefix: '>', final: 'u' }, (flags = 0) => {
      this.#kitty.push(flags);
      if (this.#kitty.length > MOST_PUSHED) this.#kitty.shift();
    });
    on({ prefix: '<', final: 'u' }, (count = 1) =>
      this.#kitty.splice(Math.max(0, this.#kitty.length - Math.max(1, count))),
    );
    terminal.parser.registerEscHandler({ final: 'c' }, () => {
      this.#otherKeys = 0;
      this.#kitty = [];
      return false;
    });
  }

  draw() {
    return (
      (this.#otherKeys === 0 ? '' : `\x1b[>4;${this.#otherKeys}m`) +
      this.#kitty.map((flags) => `\x1b[>${flags}u`).join('')
    );
  }
}
