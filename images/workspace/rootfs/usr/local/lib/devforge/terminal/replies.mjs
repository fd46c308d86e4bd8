/** For how long after a reply those of the clients are taken for further ones. */
const WINDOW_MS = 2_000;

const ESCAPE = '\x1b';
/** What follows the escape in what a terminal answers: the position of its cursor, its attributes, modes and settings. */
const SHAPES = {
  position: /^\[\??\d+;\d+R$/,
  status: /^\[0n$/,
  attributes: /^\[[?>][\d;]*c$/,
  mode: /^\[\??\d+;\d\$y$/,
  setting: /^P[01]\$r|^\\$/,
};

/**
 * The holder's own screen answers programs that ask their terminal, since it is always there and there is one of it. The
 * terminals of the clients see the same questions: what they answer is held back, or programs would take it for typing.
 */
export class Replies {
  #answeredAt = new Map();
  #now;

  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  /** @param {string} reply of the holder's screen */
  given(reply) {
    for (const shape of shapesIn(reply)) this.#answeredAt.set(shape, this.#now());
  }

  /** @param {string} input of a client @returns whether it is nothing but replies to what has been answered already */
  areRepeatedBy(input) {
    if (!input.startsWith(ESCAPE)) return false;
    return shapesIn(input).every((shape) => this.#now() - (this.#answeredAt.get(shape) ?? -Infinity) < WINDOW_MS);
  }
}

/** @returns {(string | undefined)[]} the shape of each sequence, undefined for one that is no reply */
function shapesIn(text) {
  const [, ...sequences] = text.split(ESCAPE);
  return sequences.map((sequence) => Object.entries(SHAPES).find(([, pattern]) => pattern.test(sequence))?.[0]);
}
