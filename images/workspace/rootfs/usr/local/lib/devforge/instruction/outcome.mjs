/** The outcome of a run: from its last result, or from the way it ended. */

/**
 * @typedef {keyof typeof STOPPED} StopCause why DevForge ended the run, or could not continue it
 * @typedef {{ status: string, reason: { code: string, message: string } | null }} Verdict
 * @typedef {object} CliExit
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string | null} error the code of a system error because of which the CLI could not be started, `ENOCWD` when
 *   the working directory does not exist
 * @property {boolean} outOfMemory
 */

const STOPPED = {
  cancelled: { status: 'cancelled', message: 'The instruction was cancelled' },
  timed_out: { status: 'timed_out', message: 'The instruction has reached its time limit' },
  stalled: { status: 'failed', message: 'Claude Code produced no output for too long' },
  interrupted: { status: 'failed', message: 'The container stopped during the run' },
  auth_failed: { status: 'failed', message: 'The API rejected the credential' },
};
/** @type {Record<string, string>} */
const SUBTYPES = { error_max_turns: 'max_turns', error_max_budget_usd: 'budget_exceeded' };
/** @type {Record<number, string>} */
const API_STATUS = { 401: 'auth_failed', 403: 'auth_failed', 429: 'rate_limited', 529: 'overloaded' };
const NO_SESSION = /No conversation found|--resume requires a valid session/i;
const NO_LOGIN = /not logged in|invalid api key|run \/login/i;
const MAX_MESSAGE_LENGTH = 1000;

export function cancelledBeforeStart() {
  return {
    ...ofStop('cancelled'),
    sessionId: null,
    result: null,
    costUsd: 0,
    turns: 0,
    usage: null,
    startedAt: null,
    finishedAt: new Date().toISOString(),
    events: 0,
    resumes: 0,
    exitCode: null,
    signal: null,
    treeBefore: null,
    treeAfter: null,
    diffBytes: 0,
    diffTruncated: false,
  };
}

/**
 * @param {object} run
 * @param {StopCause | null} run.stopped
 * @param {import('./conversation.mjs').CliEvent | null} run.result the last result event
 * @param {CliExit} run.exit
 * @param {string} run.stderrTail the last line of the CLI's standard error
 * @returns {Verdict}
 */
export function verdict({ stopped, result, exit, stderrTail }) {
  if (stopped) return ofStop(stopped);
  if (result) return ofResult(result);
  return ofExit(exit, stderrTail);
}

/** @param {StopCause} code @returns {Verdict} */
function ofStop(code) {
  const { status, message } = STOPPED[code];
  return { status, reason: { code, message } };
}

/** @param {import('./conversation.mjs').CliEvent} result @returns {Verdict} */
function ofResult({ subtype, is_error, errors, result, api_error_status, terminal_reason }) {
  if (subtype === 'success' && !is_error) return { status: 'succeeded', reason: null };
  const message = [errors?.join('; '), result, subtype].find(Boolean);
  const code = SUBTYPES[subtype] ?? API_STATUS[api_error_status];
  if (code) return failed(code, message);
  if (NO_SESSION.test(message)) return failed('session_not_found', message);
  if (NO_LOGIN.test(message)) return failed('auth_failed', message);
  return failed(subtype === 'success' || terminal_reason === 'api_error' ? 'api_error' : 'cli_crashed', message);
}

/** @param {CliExit} exit @param {string} stderrTail */
function ofExit({ code, signal, error, outOfMemory }, stderrTail) {
  if (error === 'ENOENT') return failed('no_claude_code', 'There is no Claude Code in this container');
  if (error === 'ENOCWD') return failed('cli_crashed', 'The working directory does not exist');
  if (error) return failed('cli_crashed', `Claude Code could not be started: ${error}`);
  if (outOfMemory) return failed('oom_killed', 'Claude Code needed more memory than the container has');
  const end = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
  return failed('cli_crashed', `Claude Code ${end} without a result${stderrTail ? `: ${stderrTail}` : ''}`);
}

/** @param {string} code @param {unknown} message @returns {Verdict} */
function failed(code, message) {
  return { status: 'failed', reason: { code, message: String(message).slice(0, MAX_MESSAGE_LENGTH) } };
}
