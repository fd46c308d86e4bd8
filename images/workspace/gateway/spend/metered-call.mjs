import { createBrotliDecompress, createUnzip, createZstdDecompress } from 'node:zlib';
import { AnswerReader } from './answer-reader.mjs';
import { highestCost, priceOf } from './pricing.mjs';

/** Larger bodies are counted as those of an unknown model. */
const MAX_PARSED = 4 * 1024 * 1024;
/** More than any model writes. */
const MAX_OUTPUT_TOKENS = 128_000;
const FREE = /\/count_tokens$/;
/** What is paid for elsewhere and later than in an answer. */
const UNCOUNTED = /\/[^a-z0-9/]*(?:batches|complete)(?![\w-])/i;
/** More often than a server decodes a path. */
const MAX_DECODINGS = 5;
const DECODERS = { gzip: createUnzip, deflate: createUnzip, br: createBrotliDecompress, zstd: createZstdDecompress };

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('./spending.mjs').WorkspaceSpending} WorkspaceSpending
 * @typedef {import('./budgets.mjs').Reservation} Reservation
 */

/** The call is refused, since no budget could be kept with it. */
export class NotCounted extends Error {}

/**
 * A request to the model's API, whose answer is counted.
 * @param {WorkspaceSpending} spending
 * @param {string | null} instruction
 * @param {IncomingMessage} request
 * @param {string} path
 * @returns {Promise<MeteredCall | undefined>} undefined when it costs nothing
 * @throws {import('./budgets.mjs').BudgetExceeded | NotCounted | import('./body-room.mjs').NoRoom}
 */
export async function meter(spending, instruction, request, path) {
  if (request.method !== 'POST') return undefined;
  const rules = spending.hasBudgets ? spending.rules : undefined;
  const clean = decoded(path)
    ?.replaceAll(/\/{2,}/g, '/')
    .replace(/\/$/, '');
  if (rules !== undefined && (clean === undefined || UNCOUNTED.test(clean))) throw new NotCounted();
  if (clean !== undefined && FREE.test(clean)) return undefined;
  if (rules === undefined) return new MeteredCall(spending, instruction);
  const body = await readBody(spending, request);
  const figures = { ...readFigures(body), bytes: body.length };
  const gone = new AbortController();
  const onClose = () => gone.abort();
  request.socket.once('close', onClose);
  try {
    const keys = spending.keys(instruction);
    const nanos = highestCost(rules.prices, figures);
    const reservation = await spending.all.budgets.reserve(keys, nanos, gone.signal);
    return new MeteredCall(spending, instruction, reservation, body);
  } catch (error) {
    spending.all.bodies.release(spending.id, body.length);
    if (error instanceof Error && 'kind' in error)
      spending.refuse(instruction, /** @type {import('./budgets.mjs').BudgetExceeded} */ (error).kind);
    throw error;
  } finally {
    request.socket.off('close', onClose);
  }
}

export class MeteredCall {
  #isSettled = false;
  /** @type {number | undefined} */
  #open;

  /**
   * @param {WorkspaceSpending} spending
   * @param {string | null} instruction
   * @param {Reservation} [reservation]
   * @param {Buffer} [body] of the request, when it was read
   */
  constructor(spending, instruction, reservation, body) {
    this.spending = spending;
    this.instruction = instruction;
    this.reservation = reservation;
    this.body = body;
  }

  /**
   * Reads along with an answer, each chunk before it is passed on.
   * @param {IncomingMessage} answer
   */
  observe(answer) {
    const { statusCode = 0, headers } = answer;
    if (statusCode < 200 || statusCode > 299) return this.settle();
    const reader = new AnswerReader((headers['content-type'] ?? '').includes('event-stream'));
    const decode = decoderOf(headers['content-encoding']);
    const copy = decode?.();
    let bytes = 0;
    const length = copy === undefined && !reader.isStream ? Number(headers['content-length'] ?? NaN) : NaN;
    /** @param {Buffer} chunk */
    const read = (chunk) => {
      const hadBegun = reader.hasBegun;
      reader.push(chunk);
      bytes += chunk.length;
      if (reader.isOver || bytes === length) this.settle(reader);
      else if (!hadBegun && reader.hasBegun) this.#begin(reader);
    };
    copy?.on('data', read).on('error', () => copy.destroy());
    answer.on('data', (chunk) => (copy === undefined ? read(chunk) : copy.write(chunk)));
    const end = () => {
      if (copy === undefined || copy.destroyed) return this.settle(reader);
      copy.once('close', () => this.settle(reader)).once('end', () => copy.destroy());
      copy.end();
    };
    answer.once('end', end).once('close', end);
  }

  /**
   * Counts what is known now, once.
   * @param {AnswerReader} [reader]
   */
  settle(reader) {
    if (this.#isSettled) return;
    this.#isSettled = true;
    if (this.body !== undefined) this.spending.all.bodies.release(this.spending.id, this.body.length);
    const charge = this.#charge(reader);
    if (charge !== undefined) this.spending.journal.add(charge, this.#open);
    if (this.reservation !== undefined) this.spending.all.budgets.settle(this.reservation, charge?.nanos ?? 0);
  }

  /** @param {AnswerReader} reader */
  #begin(reader) {
    const charge = this.#charge(reader);
    if (charge !== undefined) this.#open = this.spending.journal.begin(charge);
  }

  /** @param {AnswerReader | undefined} reader */
  #charge(reader) {
    const figures = reader?.figures();
    if (figures === undefined) return undefined;
    const prices = this.spending.rules?.prices ?? NO_PRICES;
    const parts = figures.usage.map((usage) => ({ ...usage, ...priceOf(prices, usage) }));
    const nanos = parts.reduce((sum, part) => sum + part.nanos, 0);
    return { ...this.spending.charge(this.instruction), parts, nanos, isEstimated: figures.isEstimated };
  }
}

const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0 };
/** For a DevForge of an earlier release, which gives none. */
const NO_PRICES = { models: [], unknown: NOTHING, webSearch: 0 };

/**
 * @param {string} path
 * @returns {string | undefined} undefined when nobody can say which path it is
 */
function decoded(path) {
  let current = path;
  for (let times = 0; times < MAX_DECODINGS; times++) {
    let next;
    try {
      next = decodeURIComponent(current);
    } catch {
      return undefined;
    }
    if (next === current) return current;
    current = next;
  }
  return undefined;
}

/** @param {string | undefined} encoding */
function decoderOf(encoding) {
  return Object.entries(DECODERS).find(([name]) => name === encoding)?.[1];
}

/** @param {Buffer} body */
function readFigures(body) {
  /** @type {Record<string, unknown>} */
  let fields = {};
  try {
    if (body.length <= MAX_PARSED) fields = JSON.parse(body.toString());
  } catch {
    // The API refuses it.
  }
  const { model, max_tokens: max } = fields ?? {};
  return {
    model: typeof model === 'string' ? model : undefined,
    maxTokens: typeof max === 'number' && max > 0 ? Math.min(Math.ceil(max), MAX_OUTPUT_TOKENS) : MAX_OUTPUT_TOKENS,
  };
}

/**
 * @param {WorkspaceSpending} spending
 * @param {IncomingMessage} request
 * @returns {Promise<Buffer>}
 * @throws {import('./body-room.mjs').NoRoom}
 */
async function readBody({ id, all }, request) {
  const chunks = [];
  let size = 0;
  try {
    // One that is refused is answered, so its connection is kept.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      all.bodies.take(id, chunk.length, size);
      size += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    all.bodies.release(id, size);
    throw error;
  }
  return Buffer.concat(chunks);
}
