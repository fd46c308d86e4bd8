import type { signInTickets } from '../containers/containers.schema.js';

export type SignInTicketRow = typeof signInTickets.$inferSelect;

/** One-time tickets that sign a browser in, stored by their hash. */
export abstract class SignInTicketsRepository {
  /**
   * Inserts the ticket, and deletes those that have expired by `now`.
   * @returns what is gone that the ticket is for
   */
  abstract insert(ticket: SignInTicketRow, now: Date): Promise<'inserted' | 'container_gone' | 'credential_gone'>;
  /** Those of the hashes that are of a ticket. */
  abstract known(hashes: string[]): Promise<string[]>;
  /** Deletes and returns the ticket. @returns null when there is none, or another caller has taken it */
  abstract take(hash: string): Promise<SignInTicketRow | null>;
}
