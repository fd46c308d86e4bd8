import { randomInt } from 'node:crypto';

export interface Random {
  readonly seed: number;
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number of milliseconds below `ms`. */
  below(ms: number): number;
}

/** Numbers that are the same for the same seed: `DEVFORGE_FAULT_SEED`, or a new one, which a test prints. */
export function seededRandom(seed = Number(process.env['DEVFORGE_FAULT_SEED'] ?? randomInt(2 ** 31))): Random {
  let state = seed >>> 0;
  // mulberry32
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, next, below: (ms) => Math.floor(next() * ms) };
}
