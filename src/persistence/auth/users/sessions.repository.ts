import type { sessions } from './users.schema.js';

export type SessionRow = typeof sessions.$inferSelect;

/** Sessions of browsers. The end of one raises the access revision in the same transaction. */
export abstract class SessionsRepository {
  /**
   * Inserts the session and notes the user's sign-in, and deletes sessions that have expired by its time.
   * @returns false when the user does not exist or is disabled
   */
  abstract insert(session: SessionRow): Promise<boolean>;
  abstract findById(id: string): Promise<SessionRow | null>;
  abstract findByIds(ids: string[]): Promise<SessionRow[]>;
  /** Latest first. */
  abstract ofUser(userId: string): Promise<SessionRow[]>;
  /** @returns false when there is none */
  abstract remove(id: string): Promise<boolean>;
  /** Stores the times of last use, each unless a later one is stored already. */
  abstract noteUsed(times: ReadonlyMap<string, Date>): Promise<void>;
}
