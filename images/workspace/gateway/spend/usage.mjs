/** Above what any answer uses; an API may say anything. */
const MAX_COUNT = 1e10;

/**
 * What one model used for an answer. Web searches are counted, everything else is tokens.
 * @typedef {{
 *   model: string, input: number, output: number, cacheRead: number, cacheWrite5m: number, cacheWrite1h: number,
 *   webSearches: number, isFast: boolean
 * }} Usage
 */

/**
 * Reads the `usage` of a message. Its `iterations` are what is paid for, where there are any: other models than that of the
 * message may have taken part, and the fields outside leave them out.
 * @param {string} model of the message
 * @param {unknown} usage
 * @returns {Usage[]}
 */
export function readUsage(model, usage) {
  const fields = toFields(usage);
  const isFast = fields['speed'] === 'fast';
  const iterations = Array.isArray(fields['iterations']) ? fields['iterations'].map(toFields) : [];
  const all = iterations.length > 0 ? iterations : [fields];
  const read = all.map((each) => readOne(typeof each['model'] === 'string' ? each['model'] : model, each, isFast));
  const [first] = read;
  if (first !== undefined) first.webSearches = toCount(toFields(fields['server_tool_use'])['web_search_requests']);
  return read;
}

/**
 * @param {string} model
 * @param {Record<string, unknown>} fields
 * @param {boolean} isFast
 * @returns {Usage}
 */
function readOne(model, fields, isFast) {
  const split = toFields(fields['cache_creation']);
  const cacheWrite1h = toCount(split['ephemeral_1h_input_tokens']);
  const written = Math.max(
    toCount(fields['cache_creation_input_tokens']),
    toCount(split['ephemeral_5m_input_tokens']) + cacheWrite1h,
  );
  return {
    model: model.slice(0, 200),
    input: toCount(fields['input_tokens']),
    output: toCount(fields['output_tokens']),
    cacheRead: toCount(fields['cache_read_input_tokens']),
    cacheWrite5m: written - cacheWrite1h,
    cacheWrite1h,
    webSearches: 0,
    isFast,
  };
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>}
 */
export function toFields(value) {
  return typeof value === 'object' && value !== null ? /** @type {Record<string, unknown>} */ (value) : {};
}

/** @param {unknown} value */
function toCount(value) {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_COUNT ? value : 0;
}
