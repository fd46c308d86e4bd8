/**
 * Prices in nano-dollars (10⁻⁹ USD), whole numbers, so that sums are exact.
 * @typedef {{ input: number, output: number, cacheRead: number, cacheWrite5m: number, cacheWrite1h: number }} Rates of one token
 * @typedef {Rates & { model: string, longPrompt?: Rates & { above: number }, fast?: Rates }} ModelPrice
 * @typedef {{ models: ModelPrice[], unknown: Rates, webSearch: number }} Prices
 * @typedef {import('./usage.mjs').Usage} Usage
 */

/** What follows the name of a model in its id, and changes no price. */
const VERSION = /^(?:-\d{8}|@\d{8}|-latest|-v\d+(?::\d+)?)?(?:-v\d+(?::\d+)?)?(?:\[1m\])?$/;
const PROVIDER = /^.*\banthropic[./]/;

/**
 * @param {Prices} prices
 * @param {string} id
 * @returns {ModelPrice | undefined}
 */
export function findModel({ models }, id) {
  const name = id.replace(PROVIDER, '');
  const exact = models.find((each) => !each.model.endsWith('*') && isVersionOf(name, each.model));
  if (exact !== undefined) return exact;
  const prefixes = models.filter((each) => each.model.endsWith('*') && id.startsWith(each.model.slice(0, -1)));
  return prefixes.toSorted((one, other) => other.model.length - one.model.length)[0];
}

/**
 * @param {string} name
 * @param {string} model
 */
function isVersionOf(name, model) {
  return name.startsWith(model) && VERSION.test(name.slice(model.length));
}

/**
 * @param {Prices} prices
 * @param {Usage} usage
 * @returns {{ nanos: number, isPriced: boolean }} an unknown model is counted at the price for unknown ones
 */
export function priceOf(prices, usage) {
  const model = findModel(prices, usage.model);
  const { input, output, cacheRead, cacheWrite5m, cacheWrite1h } = usage;
  const prompt = input + cacheRead + cacheWrite5m + cacheWrite1h;
  const rates = ratesOf(prices, model, prompt, usage.isFast);
  const nanos =
    input * rates.input +
    output * rates.output +
    cacheRead * rates.cacheRead +
    cacheWrite5m * rates.cacheWrite5m +
    cacheWrite1h * rates.cacheWrite1h +
    usage.webSearches * prices.webSearch;
  return { nanos, isPriced: model !== undefined };
}

/**
 * What an answer costs at most: each byte of the request as a token of the prompt, half of them at least being too many, and
 * all the output that was asked for.
 * @param {Prices} prices
 * @param {{ model: string | undefined, maxTokens: number, bytes: number }} request
 */
export function highestCost(prices, { model, maxTokens, bytes }) {
  const known = model === undefined ? undefined : findModel(prices, model);
  const prompt = Math.ceil(bytes / 2);
  const { input, cacheWrite5m, output } = ratesOf(prices, known, prompt, false);
  return prompt * Math.max(input, cacheWrite5m) + maxTokens * output;
}

/**
 * @param {Prices} prices
 * @param {ModelPrice | undefined} model
 * @param {number} prompt
 * @param {boolean} isFast
 * @returns {Rates}
 */
function ratesOf(prices, model, prompt, isFast) {
  if (model === undefined) return prices.unknown;
  if (isFast) return model.fast ?? prices.unknown;
  return model.longPrompt !== undefined && prompt > model.longPrompt.above ? model.longPrompt : model;
}
