import type { signInTickets } from '../containers/containers.schema.js';

export type SignInTicketRow = typeof signInTickets.$inferSelect;

/** Tickets that sign a browser in, by their hash. */
export abstract class SignInTicketsRepository {
  /** Writes the ticket, and forgets those that were over by `now`. */
  abstract insert(ticket: SignInTicketRow, now: Date): Promise<void>;
  /** Removes the ticket. @returns null when there is none, or another caller was first */
  abstract take(hash: string): Promise<SignInTicketRow | null>;
}
