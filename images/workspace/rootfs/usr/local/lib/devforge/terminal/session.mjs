import { readdirSync, readFileSync } from 'node:fs';

/** Index of the session id in /proc/PID/stat, counted from the field after the process's state. */
const SESSION_FIELD = 2;
const ZOMBIE = 'Z';

/** The processes of a terminal's session, in whatever process group. @param {number} sessionId @returns {number[]} */
export function sessionProcesses(sessionId) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isInSession(sessionId, pid));
}

/** @param {number} sessionId @param {NodeJS.Signals} signal */
export function signalSession(sessionId, signal) {
  for (const pid of sessionProcesses(sessionId)) {
    try {
      process.kill(pid, signal);
    } catch {
      // The process has ended.
    }
  }
}

/** @param {number} sessionId @param {number} pid */
function isInSession(sessionId, pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may itself contain spaces and parentheses.
    const [state, ...ids] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state !== ZOMBIE && Number(ids[SESSION_FIELD]) === sessionId;
  } catch {
    return false;
  }
}
