/**
 * Clean-up when a script ends early: temporary directories, child processes, servers.
 * `defer` registers an action; `now()` of its result runs it once, `forget()` drops it. A signal runs all, last first, and
 * exits.
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

/** Runs all registered actions, last first. One that throws does not keep the others from running. */
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

/**
 * On SIGINT, SIGTERM and SIGHUP cleans up and exits with 128 + signal, or with `exitCode()`.
 * @param {{ exitCode?: () => number | undefined }} options
 */
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
