import { Injectable } from '@nestjs/common';
import { Clock } from '../common/clock.js';
import { Ids } from '../common/ids.js';

const LIFE_MS = 5 * 60_000;
const TICKET_BYTES = 32;

/** Single-use, short-lived tickets in the links to an editor. */
@Injectable()
export class EditorTickets {
  private readonly tickets = new Map<string, { containerId: string; expiresAt: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly ids: Ids,
  ) {}

  issue(containerId: string): { ticket: string; expiresAt: Date } {
    const now = this.clock.now().getTime();
    for (const [ticket, { expiresAt }] of this.tickets) if (expiresAt <= now) this.tickets.delete(ticket);
    const ticket = this.ids.secret(TICKET_BYTES);
    const expiresAt = now + LIFE_MS;
    this.tickets.set(ticket, { containerId, expiresAt });
    return { ticket, expiresAt: new Date(expiresAt) };
  }

  /** Whether the ticket opens that container's editor. It never does a second time. */
  redeem(ticket: string, containerId: string): boolean {
    const known = this.tickets.get(ticket);
    this.tickets.delete(ticket);
    return known !== undefined && known.containerId === containerId && known.expiresAt > this.clock.now().getTime();
  }
}
