/** How a run went, from its last result or from the way it was stopped. */

const STOPPED = {
  cancelled: { status: 'cancelled', message: 'The instruction was cancelled' },
  timed_out: { status: 'timed_out', message: 'The instruction has used up its time' },
  stalled: { status: 'failed', message: 'Claude Code fell silent' },
  interrupted: { status: 'failed', message: 'The container stopped during the run' },
  auth_failed: { status: 'failed', message: 'The API refuses the credential' },
};
const SUBTYPES = { error_max_turns: 'max_turns', error_max_budget_usd: 'budget_exceeded' };
const API_STATUS = { 401: 'auth_failed', 403: 'auth_failed', 429: 'rate_limited', 529: 'overloaded' };
const NO_SESSION = /No conversation found|--resume requires a valid session/i;
const NO_LOGIN = /not logged in|invalid api key|run \/login/i;

/** The outcome of an instruction that was cancelled before its start. */
export function neverRun() {
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

/** @returns {{ status: string, reason: { code: string, message: string } | null }} */
export function verdict({ stopped, result, exit, lastWords }) {
  if (stopped) return ofStop(stopped);
  if (result) return ofResult(result);
  return failed(...ofExit(exit, lastWords));
}

function ofStop(code) {
  const { status, message } = STOPPED[code];
  return { status, reason: { code, message } };
}

function ofResult(result) {
  if (result.subtype === 'success' && !result.is_error) return { status: 'succeeded', reason: null };
  const message = [result.errors?.join('; '), result.result, result.subtype].find(Boolean);
  const code = SUBTYPES[result.subtype] ?? API_STATUS[result.api_error_status];
  if (code) return failed(code, message);
  if (NO_SESSION.test(message)) return failed('session_not_found', message);
  if (NO_LOGIN.test(message)) return failed('auth_failed', message);
  return failed(
    result.subtype === 'success' || result.terminal_reason === 'api_error' ? 'api_error' : 'cli_crashed',
    message,
  );
}

function ofExit({ code, signal, error, outOfMemory }, lastWords) {
  if (error === 'ENOENT') return ['no_claude_code', 'There is no Claude Code in this container'];
  if (error === 'ENOCWD') return ['cli_crashed', 'The working directory does not exist'];
  if (error) return ['cli_crashed', `Claude Code could not be started: ${error}`];
  if (outOfMemory) return ['oom_killed', 'Claude Code needed more memory than the container has'];
  const end = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
  return ['cli_crashed', `Claude Code ${end} without a result${lastWords ? `: ${lastWords}` : ''}`];
}

function failed(code, message) {
  return { status: 'failed', reason: { code, message: String(message).slice(0, 1000) } };
}
