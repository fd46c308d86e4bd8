import type { Template, WarmWorkspaceState } from '../types.js';
import type { warmWorkspaces } from './warm-pool.schema.js';

export type WarmWorkspaceRow = typeof warmWorkspaces.$inferSelect;

/** What all workspaces of a pool have in common. */
export interface WarmKind {
  template: Template;
  /** No network but the gateway. */
  fenced: boolean;
}

export interface Reservation extends WarmKind {
  /** How many there are to be, those that are being made included. */
  size: number;
  /** How many of them are reserved at most. */
  max: number;
  /** The process that makes them. */
  holder: string;
  now: Date;
}

/** Workspaces that were created ahead, each claimed at most once. */
export abstract class WarmPoolRepository {
  /** Every workspace in the table, the oldest first. */
  abstract list(): Promise<WarmWorkspaceRow[]>;
  abstract findById(id: string): Promise<WarmWorkspaceRow | null>;
  /**
   * Stores as `making` what is missing of a pool, however many processes do so at a time.
   * @param newId called once for each
   * @returns the ids of those that are to be made now
   */
  abstract reserve(reservation: Reservation, newId: () => string): Promise<string[]>;
  /** @returns false when it is not being made any more: it has to be removed */
  abstract markReady(
    id: string,
    made: { runtimeId: string; fingerprint: string; env: Record<string, string> },
  ): Promise<boolean>;
  /** Takes the oldest one that is ready, without waiting for others that do the same. @returns its id; null when there is none */
  abstract claim(kind: WarmKind, now: Date): Promise<string | null>;
  /** Gives back one that no container got. */
  abstract release(id: string): Promise<void>;
  /** @returns whether it was in one of these states, and is `ending` now */
  abstract end(id: string, from: readonly WarmWorkspaceState[]): Promise<boolean>;
  /** Forgets one whose workspace is gone. */
  abstract forget(id: string): Promise<void>;
  /**
   * Forgets the claimed ones that belong to a container for good, and ends those claimed before `before` that no container
   * has.
   */
  abstract settleClaims(before: Date): Promise<void>;
  /** How many containers of a kind that could have claimed one were created since. */
  abstract countCreated(kind: WarmKind, since: Date): Promise<number>;
}
