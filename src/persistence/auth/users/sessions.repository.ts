import type { Actor } from '../../../common/request-context.js';
import type { sessions } from './sessions.schema.js';

export type SessionRow = typeof sessions.$inferSelect;

/** Whose a browser is: one of these is set. */
export type SessionOwner = Pick<SessionRow, 'userId' | 'apiKeyId' | 'adminKey'>;

/** Sessions of browsers. The end of one raises the access revision in the same transaction. */
export abstract class SessionsRepository {
  /**
   * Inserts the session and notes the user's sign-in, and deletes sessions that have expired by its time.
   * @param actor who signs in, when that is not a user
   * @returns false when the owner does not exist or is disabled
   */
  abstract insert(session: SessionRow, actor?: Actor): Promise<boolean>;
  abstract findById(id: string): Promise<SessionRow | null>;
  abstract findByIds(ids: string[]): Promise<SessionRow[]>;
  /** Latest first. */
  abstract ofOwner(owner: SessionOwner): Promise<SessionRow[]>;
  /** @returns false when there is none */
  abstract remove(id: string): Promise<boolean>;
  /** Stores the times of last use, each unless a later one is stored already. */
  abstract noteUsed(times: ReadonlyMap<string, Date>): Promise<void>;
}
