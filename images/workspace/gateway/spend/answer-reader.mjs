import { readUsage, toFields } from './usage.mjs';

const LINE_FEED = 10;
const MAX_LINE = 1024 * 1024;
const MAX_JSON = 32 * 1024 * 1024;
/** Bytes of one token, roughly: for an answer that broke off before it said how many there were. */
const BYTES_PER_TOKEN = 4;
/** What surrounds the text of a delta. */
const DELTA_OVERHEAD = 80;

/**
 * @typedef {import('./usage.mjs').Usage} Usage
 * @typedef {{ usage: Usage[], isEstimated: boolean }} Figures
 */

/**
 * Reads what an answer of the Messages API used, from a copy of its bytes, in whatever chunks they come. It keeps one line
 * of a stream; of an answer that is no stream, the whole.
 */
export class AnswerReader {
  /** @type {Buffer[]} */
  #parts = [];
  #size = 0;
  /** Until the end of a line that is too long. */
  #isSkipping = false;
  /** @type {string | undefined} */
  #model;
  /** @type {Record<string, unknown>} */
  #fields = {};
  #deltaBytes = 0;
  #hasTotal = false;
  /** Whether a stream has said that nothing follows. */
  isOver = false;

  /** @param {boolean} isStream server-sent events, not one JSON document */
  constructor(isStream) {
    this.isStream = isStream;
  }

  /** Whether it is known by now that something is to be paid. */
  get hasBegun() {
    return this.#model !== undefined;
  }

  /** @param {Buffer} chunk */
  push(chunk) {
    if (!this.isStream) return this.#keep(chunk, MAX_JSON);
    for (let from = 0; from < chunk.length;) {
      const end = chunk.indexOf(LINE_FEED, from);
      this.#keep(chunk.subarray(from, end === -1 ? chunk.length : end), MAX_LINE);
      if (end === -1) return;
      if (!this.#isSkipping) this.#readLine(this.#take());
      this.#isSkipping = false;
      from = end + 1;
    }
  }

  /**
   * What it used, as far as that is known.
   * @returns {Figures | undefined} undefined when it is no message
   */
  figures() {
    if (!this.isStream && !this.#isSkipping && this.#size > 0) this.#read(this.#take().toString());
    if (this.#model === undefined) return undefined;
    const usage = readUsage(this.#model, this.#fields);
    const [first] = usage;
    if (!this.isStream || this.#hasTotal || first === undefined) return { usage, isEstimated: false };
    first.output = Math.max(first.output, Math.ceil(this.#deltaBytes / BYTES_PER_TOKEN));
    return { usage, isEstimated: true };
  }

  /**
   * @param {Buffer} bytes
   * @param {number} max
   */
  #keep(bytes, max) {
    if (this.#isSkipping || bytes.length === 0) return;
    this.#size += bytes.length;
    this.#parts.push(bytes);
    if (this.#size <= max) return;
    this.#take();
    this.#isSkipping = true;
  }

  #take() {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#size = 0;
    return bytes;
  }

  /** @param {Buffer} line */
  #readLine(line) {
    if (line.subarray(0, 5).toString('latin1') !== 'data:') return;
    // Nearly all lines are these.
    if (line.subarray(0, 60).includes('"content_block_delta"'))
      this.#deltaBytes += Math.max(0, line.length - DELTA_OVERHEAD);
    else this.#read(line.toString('utf8', 5));
  }

  /** @param {string} json */
  #read(json) {
    let event;
    try {
      event = toFields(JSON.parse(json));
    } catch {
      return;
    }
    const { type } = event;
    if (type === 'message_start') this.#begin(toFields(event['message']));
    else if (type === 'message') this.#begin(event);
    else if (type === 'message_stop') this.isOver = true;
    else if (type === 'message_delta') {
      // Its counts are totals.
      this.#merge(toFields(event['usage']));
      this.#hasTotal ||= 'output_tokens' in toFields(event['usage']);
    }
  }

  /** @param {Record<string, unknown>} message */
  #begin(message) {
    this.#model = typeof message['model'] === 'string' ? message['model'] : '';
    this.#merge(toFields(message['usage']));
  }

  /** @param {Record<string, unknown>} usage */
  #merge(usage) {
    for (const [name, value] of Object.entries(usage)) if (value !== null) this.#fields[name] = value;
  }
}
