const FAR = 2 ** 31 - 1;

/**
 * Watches an attempt for silence and for its end of time. The rule:
 * - the whole run has `timeoutSeconds`, waiting for a permission included;
 * - after a result, the CLI has `graceSeconds` of silence to end by itself;
 * - while a permission is asked for, silence says nothing;
 * - otherwise `stallSeconds` of silence are a stall, or `toolSeconds` more while a tool has not answered.
 */
export class Watch {
  #timer;
  #heard = performance.now();

  /**
   * @param {object} request
   * @param {{ over: boolean, permissions: Map, tools: Set }} conversation
   * @param {number} remainingMs what is left of `timeoutSeconds`
   * @param {(why: 'timed_out' | 'stalled' | 'grace') => void} expire
   */
  constructor(request, conversation, remainingMs, expire) {
    this.request = request;
    this.conversation = conversation;
    this.end = performance.now() + remainingMs;
    this.expire = expire;
    this.#set();
  }

  /** The CLI, or who answers it, was heard. */
  heard() {
    this.#heard = performance.now();
    this.#set();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = null;
  }

  #next() {
    const { graceSeconds, stallSeconds, toolSeconds } = this.request;
    const { over, permissions, tools } = this.conversation;
    const silence = (why, seconds) => ({ why, at: this.#heard + seconds * 1000 });
    if (over) return silence('grace', graceSeconds);
    const end = { why: 'timed_out', at: this.end };
    if (permissions.size > 0) return end;
    const stall = silence('stalled', stallSeconds + (tools.size > 0 ? toolSeconds : 0));
    return stall.at < end.at ? stall : end;
  }

  #set() {
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    const { why, at } = this.#next();
    const wait = at - performance.now();
    this.#timer = setTimeout(() => (wait > FAR ? this.#set() : this.expire(why)), Math.min(Math.max(wait, 0), FAR));
  }
}
