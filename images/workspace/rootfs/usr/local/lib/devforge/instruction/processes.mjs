import { readdirSync, readFileSync } from 'node:fs';
import { MARK } from './cli.mjs';

/** Sends a signal; a process that is gone needs none. @param {number} target a process, or a group when negative */
export function signal(target, name) {
  try {
    process.kill(target, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Ends every process that a run has left, in whatever group or session. @returns {number} how many there were */
export function killMarked(id) {
  let found = 0;
  // A process may fork while the others are looked at.
  for (let pass = 0; pass < 5; pass += 1) {
    const marked = markedProcesses(id);
    for (const pid of marked) signal(pid, 'SIGKILL');
    found += marked.length;
    if (marked.length === 0) break;
  }
  return found;
}

function markedProcesses(id) {
  const mark = Buffer.from(`\0${MARK}=${id}\0`);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        return Buffer.concat([Buffer.from('\0'), readFileSync(`/proc/${pid}/environ`)]).includes(mark);
      } catch {
        return false;
      }
    })
    .map(Number);
}
