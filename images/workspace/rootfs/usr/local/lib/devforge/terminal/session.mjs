import { readdirSync, readFileSync } from 'node:fs';

const SESSION_FIELD = 3;
const ZOMBIE = 'Z';

/** @returns {number[]} the processes of a terminal's session, whatever process groups a shell has put them into */
export function sessionProcesses(sessionId) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => isOf(sessionId, pid));
}

/** @param {NodeJS.Signals} signal */
export function signalSession(sessionId, signal) {
  for (const pid of sessionProcesses(sessionId)) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}

function isOf(sessionId, pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name before it may hold anything.
    const [state, ...ids] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return state !== ZOMBIE && Number(ids[SESSION_FIELD - 1]) === sessionId;
  } catch {
    return false;
  }
}
