import { UsageError } from './command-line.mjs';

/**
 * What an instruction may say. Times are in seconds, amounts in US dollars.
 *
 * @typedef {object} Request
 * @property {string} prompt
 * @property {string} cwd
 * @property {'bypassPermissions' | 'manual'} permissionMode
 * @property {string} newSessionId
 * @property {string | null} sessionId that of the session to continue
 * @property {boolean} continue the latest session
 * @property {string | null} model
 * @property {number | null} maxTurns
 * @property {number | null} maxBudgetUsd
 * @property {number | null} timeoutSeconds
 * @property {number} stallSeconds
 * @property {number} graceSeconds
 * @property {number} stopSeconds the time that the CLI has after SIGINT, and again after SIGTERM
 * @property {number} toolSeconds what a running tool adds to `stallSeconds`; by default the longest time-out that the CLI
 *   grants a tool by itself
 * @property {number} resumes how many further attempts there may be
 */

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const MODEL = /^[\w[][\w.:@/[\]-]*$/;

/** @typedef {(value: unknown) => boolean} Check */

/** @type {Check} */
const isText = (value) => typeof value === 'string' && value !== '';
/** @type {Check} */
const isUuid = (value) => UUID.test(String(value));
/** @type {Check} */
const isBoolean = (value) => typeof value === 'boolean';
/** @type {Check} */
const isPositive = (value) => typeof value === 'number' && Number.isFinite(value) && value > 0;
/** @type {Check} */
const isCount = (value) => Number.isInteger(value) && Number(value) >= 0;

/** A field without a default is required. @type {Record<keyof Request, { check: Check, byDefault?: unknown }>} */
const FIELDS = {
  prompt: { check: isText },
  cwd: { check: (value) => typeof value === 'string' && value.startsWith('/') },
  permissionMode: { check: (value) => value === 'bypassPermissions' || value === 'manual' },
  newSessionId: { check: isUuid },
  sessionId: { check: isUuid, byDefault: null },
  continue: { check: isBoolean, byDefault: false },
  model: { check: (value) => MODEL.test(String(value)), byDefault: null },
  maxTurns: { check: (value) => isCount(value) && value !== 0, byDefault: null },
  maxBudgetUsd: { check: isPositive, byDefault: null },
  timeoutSeconds: { check: isPositive, byDefault: null },
  stallSeconds: { check: isPositive, byDefault: 300 },
  graceSeconds: { check: isPositive, byDefault: 10 },
  stopSeconds: { check: isPositive, byDefault: 5 },
  toolSeconds: { check: isPositive, byDefault: 600 },
  resumes: { check: isCount, byDefault: 1 },
};

/** @param {any} given @returns {Request} without unknown fields @throws UsageError which names the first invalid field */
export function parseRequest(given) {
  /** @type {Record<string, unknown>} */
  const request = {};
  for (const [name, { check, byDefault }] of Object.entries(FIELDS)) {
    const value = given?.[name] ?? byDefault;
    if (value === undefined || (value !== byDefault && !check(value)))
      throw new UsageError(`the request's ${name} is missing or invalid`);
    request[name] = value;
  }
  return /** @type {Request} */ (/** @type {unknown} */ (request));
}
