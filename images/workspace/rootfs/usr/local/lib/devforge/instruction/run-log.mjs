import { log, oneLine } from '../log.mjs';
import { stepsOf } from './steps.mjs';

const SOURCE = 'instruction';
const MAX_STEP_LENGTH = 200;
const ID_LENGTH = 8;
/** A run may produce steps faster than anybody reads them, and the engine keeps only so much of a log. */
const MAX_LINES_PER_SECOND = 50;

/** The run in the container's log: one readable line a step. Results of tools are left out, unless they failed. */
export class RunLog {
  #id;
  #now;
  #second = 0;
  #lines = 0;

  /** @param {string} id of the instruction @param {() => number} [now] in milliseconds */
  constructor(id, now = Date.now) {
    this.#id = id.slice(0, ID_LENGTH);
    this.#now = now;
  }

  /** @param {string} prompt */
  began(prompt) {
    this.#write(`started: ${firstLine(prompt)}`);
  }

  /** @param {import('./conversation.mjs').CliEvent | null} event */
  observe(event) {
    for (const { title, text } of stepsOf(event)) {
      if (title === 'result' || title.endsWith(' result') || this.#isTooMuch()) continue;
      this.#write(`${title}: ${firstLine(text)}`, isFailure(title) ? 'stderr' : 'stdout');
    }
  }

  /** @param {import('./outcome.mjs').Verdict} verdict */
  ended({ status, reason }) {
    const why = reason === null ? '' : `: ${reason.code}, ${firstLine(reason.message)}`;
    this.#write(`${status}${why}`, status === 'succeeded' ? 'stdout' : 'stderr');
  }

  /** @param {string} text @param {'stdout' | 'stderr'} [stream] */
  #write(text, stream) {
    log(SOURCE, `${this.#id} ${text}`, stream);
  }

  #isTooMuch() {
    const second = Math.floor(this.#now() / 1_000);
    if (second !== this.#second) this.#lines = 0;
    this.#second = second;
    this.#lines += 1;
    return this.#lines > MAX_LINES_PER_SECOND;
  }
}

/** @param {string} title */
function isFailure(title) {
  return title === 'error' || title.endsWith(' error') || title === 'retry';
}

/** @param {string} text */
function firstLine(text) {
  const [first = '', ...rest] = text.trim().split('\n', 2);
  const line = oneLine(first, MAX_STEP_LENGTH);
  return rest.length > 0 && !line.endsWith('…') ? `${line} …` : line;
}
