/** For how long after a reply of the screen the same reply of a client counts as a repetition. */
const WINDOW_MS = 2_000;

const ESCAPE = '\x1b';
/** What follows the escape character in replies of a terminal: cursor position, status, attributes, modes and settings. */
const REPLIES = {
  position: /^\[\??\d+;\d+R$/,
  status: /^\[0n$/,
  attributes: /^\[[?>][\d;]*c$/,
  mode: /^\[\??\d+;\d\$y$/,
  setting: /^P[01]\$r|^\\$/,
};

/**
 * Removes repeated replies from the input. The PTY host's own screen replies to the queries of programs, since there is
 * always exactly one. The terminals of clients see the same queries; programs would read their replies as typed text.
 */
export class ReplyFilter {
  /** When the screen last sent a reply of each type. @type {Map<string | undefined, number>} */
  #sentAt = new Map();
  #now;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param {string} reply of the PTY host's screen */
  record(reply) {
    for (const type of replyTypes(reply)) this.#sentAt.set(type, this.#now());
  }

  /** @param {string} input of a client @returns whether it consists of replies that the screen has already sent */
  isRepeated(input) {
    if (!input.startsWith(ESCAPE)) return false;
    return replyTypes(input).every((type) => this.#now() - (this.#sentAt.get(type) ?? -Infinity) < WINDOW_MS);
  }
}

/** @param {string} text @returns {(string | undefined)[]} the type of each sequence, undefined for one that is no reply */
function replyTypes(text) {
  const [, ...sequences] = text.split(ESCAPE);
  return sequences.map((sequence) => Object.entries(REPLIES).find(([, pattern]) => pattern.test(sequence))?.[0]);
}
