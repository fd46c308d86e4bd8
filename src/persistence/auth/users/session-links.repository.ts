import type { sessionLinks } from './sessions.schema.js';

export type SessionLinkRow = typeof sessionLinks.$inferSelect;

/** Single-use links that sign a browser in, stored by their hash. */
export abstract class SessionLinksRepository {
  /**
   * Inserts the link, and deletes those that have expired by `now`.
   * @returns false when the owner is gone
   */
  abstract insert(link: SessionLinkRow, now: Date): Promise<boolean>;
  /** Those of the hashes that are of a link. */
  abstract known(hashes: string[]): Promise<string[]>;
  /** Deletes and returns the link. @returns null when there is none, or another caller has taken it */
  abstract take(hash: string): Promise<SessionLinkRow | null>;
}
