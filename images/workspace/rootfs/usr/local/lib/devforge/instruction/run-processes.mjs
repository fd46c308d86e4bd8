import { readdirSync, readFileSync } from 'node:fs';
import { ID_VARIABLE } from './cli.mjs';

const MAX_PASSES = 5;

/**
 * Sends a signal; does nothing when the process has ended.
 * @param {number} target a process id, or the negative id of a process group
 * @param {NodeJS.Signals} signal
 */
export function sendSignal(target, signal) {
  try {
    process.kill(target, signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

/** Kills every process of a run, whatever process group or session it is in. @param {string} id of the instruction */
export function killRunProcesses(id) {
  // Processes may fork between the listing and the signal.
  for (let pass = 0; pass < MAX_PASSES; pass += 1) {
    const pids = runProcesses(id);
    for (const pid of pids) sendSignal(pid, 'SIGKILL');
    if (pids.length === 0) break;
  }
}

/** @param {string} id */
function runProcesses(id) {
  const variable = Buffer.from(`\0${ID_VARIABLE}=${id}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return Buffer.concat([Buffer.from('\0'), readFileSync(`/proc/${pid}/environ`)]).includes(variable);
      } catch {
        return false;
      }
    })
    .map(Number);
}
