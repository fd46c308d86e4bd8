/**
 * What has to be undone when the script ends early: temporary directories, children, servers.
 * `defer` registers an undo; the answer's `now()` runs it (once) and `forget()` drops it. A signal runs all, last first,
 * then exits.
 */
import { reversed } from './arrays.mjs';

const pending = new Set();
let stopping = false;

/** @param {() => void | Promise<void>} undo */
export function defer(undo) {
  const entry = { undo };
  pending.add(entry);
  return {
    now: async () => {
      if (pending.delete(entry)) await undo();
    },
    forget: () => pending.delete(entry),
  };
}

/** Runs every registered undo, last first. One that throws does not keep the others from running. */
export async function undoAll() {
  for (const entry of reversed(pending)) {
    if (!pending.delete(entry)) continue;
    try {
      await entry.undo();
    } catch (error) {
      process.stderr.write(`clean-up: ${error.message}\n`);
    }
  }
}

export const isStopping = () => stopping;

/** SIGINT, SIGTERM and SIGHUP undo everything and exit with 128 + signal, or 0 where stopping is the normal end. */
export function handleSignals({ exitCode } = {}) {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  for (const [signal, number] of Object.entries(numbers)) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      const code = exitCode?.() ?? 128 + number;
      await undoAll();
      process.exit(code);
    });
  }
}
