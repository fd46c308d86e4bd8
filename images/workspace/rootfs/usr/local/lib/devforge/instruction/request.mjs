import { UsageError } from './command-line.mjs';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const text = (value) => typeof value === 'string' && value !== '';
const uuid = (value) => UUID.test(value);
const truth = (value) => typeof value === 'boolean';
const positive = (value) => Number.isFinite(value) && value > 0;
const count = (value) => Number.isInteger(value) && value >= 0;
const or = (check, fallback) => ({ check, fallback });

/** What an instruction may say, and what it says by saying nothing. Seconds, US dollars. */
const FIELDS = {
  prompt: or(text),
  cwd: or((value) => text(value) && value.startsWith('/')),
  permissionMode: or((value) => ['bypassPermissions', 'manual'].includes(value)),
  newSessionId: or(uuid),
  sessionId: or(uuid, null),
  continue: or(truth, false),
  model: or((value) => /^[\w[][\w.:@/[\]-]*$/.test(value), null),
  maxTurns: or((value) => count(value) && value > 0, null),
  maxBudgetUsd: or(positive, null),
  timeoutSeconds: or(positive, null),
  stallSeconds: or(positive, 300),
  graceSeconds: or(positive, 10),
  // How long each of SIGINT, SIGTERM is given.
  stopSeconds: or(positive, 5),
  // How much longer than stallSeconds a tool may be silent: the longest time-out that the CLI grants a tool by itself.
  toolSeconds: or(positive, 600),
  resumes: or(count, 1),
};

/** The request with nothing but known fields, or an error that names the first bad one. */
export function parseRequest(given) {
  const request = {};
  for (const [name, { check, fallback }] of Object.entries(FIELDS)) {
    const value = given?.[name] ?? fallback;
    if (value === undefined || (value !== fallback && !check(value)))
      throw new UsageError(`the request's ${name} is missing or wrong`);
    request[name] = value;
  }
  return request;
}
