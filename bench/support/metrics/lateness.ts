import { summarise } from '../statistics.js';
import type { Lateness } from './watching.js';

export const IN_TIME_MS = 250;
/** So far before the usual moment of its tick no reading comes: it belongs to the tick before, and is late. */
const NEVER_SO_EARLY_MS = 100;

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
  return {
    median: summarise(sorted).median,
    p99,
    max: sorted.at(-1)!,
    within250: (sorted.filter((value) => value <= IN_TIME_MS).length / sorted.length) * 100,
  };
}

/** From the tick until the arrival. A container ticks once an interval; its readings show when that is, late as some may be. */
export function sinceTheirTick(arrivals: readonly Arrival[], intervalMs: number): number[] {
  const readings = Map.groupBy(arrivals, ({ containerId }) => containerId);
  const ticks = new Map(
    [...readings].map(([id, all]) => [id, tickOf([...new Set(all.map(({ at }) => at))], intervalMs)]),
  );
  return arrivals.map(({ containerId, at, arrivedAt }) => {
    const offset = nearest(at - ticks.get(containerId)!, intervalMs);
    const late = offset < -NEVER_SO_EARLY_MS ? offset + intervalMs : Math.max(0, offset);
    return arrivedAt - at + late;
  });
}

/** The moment that most readings come close to or shortly after. */
function tickOf(readings: number[], intervalMs: number): number {
  const distances = (from: number): number[] => readings.map((at) => nearest(at - from, intervalMs));
  const spread = (from: number): number => summarise(distances(from).map(Math.abs)).median;
  const [usual] = readings.map((at) => ({ at, spread: spread(at) })).toSorted((a, b) => a.spread - b.spread);
  if (usual === undefined) throw new Error('There was no reading.');
  const sorted = distances(usual.at).toSorted((a, b) => a - b);
  return usual.at + sorted[Math.floor(sorted.length / 10)]!;
}

/** To the nearest multiple of the interval: from minus half of it to half of it. */
function nearest(span: number, intervalMs: number): number {
  return span - Math.round(span / intervalMs) * intervalMs;
}
