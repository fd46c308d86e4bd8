import { summarise } from '../statistics.js';
import type { Lateness } from './watching.js';

export const IN_TIME_MS = 250;

export interface Arrival {
  containerId: string;
  /** The moment of reading, and of arrival: ms of the epoch. */
  at: number;
  arrivedAt: number;
}

/** How late updates were. */
export function latenessOf(values: readonly number[]): Lateness {
  const sorted = values.toSorted((a, b) => a - b);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1];
  if (p99 === undefined) throw new Error('No update arrived.');
  return { median: summarise(sorted).median, p99, max: sorted.at(-1)!, within250: (sorted.filter((value) => value <= IN_TIME_MS).length / sorted.length) * 100 };
}

/**
 * From the tick until the arrival. A container ticks once an interval; the readings that came closest after their
 * tick show when that is.
 */
export function sinceTheirTick(arrivals: readonly Arrival[], intervalMs: number): number[] {
  const ticks = new Map<string, { reference: number; earliest: number }>();
  const offset = ({ at }: Arrival, reference: number): number => {
    const within = (((at - reference) % intervalMs) + intervalMs) % intervalMs;
    return within > intervalMs / 2 ? within - intervalMs : within;
  };
  for (const arrival of arrivals) {
    const known = ticks.get(arrival.containerId) ?? { reference: arrival.at, earliest: 0 };
    known.earliest = Math.min(known.earliest, offset(arrival, known.reference));
    ticks.set(arrival.containerId, known);
  }
  return arrivals.map((arrival) => {
    const { reference, earliest } = ticks.get(arrival.containerId)!;
    return arrival.arrivedAt - arrival.at + offset(arrival, reference) - earliest;
  });
}
