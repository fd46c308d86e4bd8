import type { WarmPoolSize } from '../config/warm-pool-settings.js';

/** What one may come to need while it waits, in MiB; the main process itself takes a few. */
const WAITING_MIB = 32;
/** Of the engine's memory, for all pools together. */
const MEMORY_SHARE = 1 / 8;

/** For how long the creations are counted that a pool has to keep up with, in milliseconds. */
export const DEMAND_WINDOW_MS = 60_000;

/**
 * How many workspaces a pool has to have: as many as were created lately, within its bounds and its share of the memory.
 * @param created containers of the kind within {@link DEMAND_WINDOW_MS}
 * @param pools how many pools share the memory
 */
export function sizeOf(
  { min, max }: Pick<WarmPoolSize, 'min' | 'max'>,
  created: number,
  memoryMiB: number,
  pools: number,
): number {
  const affordable = Math.floor((memoryMiB * MEMORY_SHARE) / WAITING_MIB / pools);
  return Math.min(Math.max(min, Math.min(created, max)), affordable);
}
