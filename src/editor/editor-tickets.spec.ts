import { describe, expect, it } from '@jest/globals';
import { HeldClock } from '../../test/support/held-clock.js';
import { RandomIds } from '../common/ids.js';
import { EditorTickets } from './editor-tickets.js';

const FIVE_MINUTES_MS = 5 * 60_000;

describe('EditorTickets', () => {
  it('open once', () => {
    const tickets = new EditorTickets(new HeldClock(), new RandomIds());
    const { ticket } = tickets.issue('a');
    expect(tickets.redeem(ticket, 'a')).toBe(true);
    expect(tickets.redeem(ticket, 'a')).toBe(false);
  });

  it('open their own container, and are spent by a try at another', () => {
    const tickets = new EditorTickets(new HeldClock(), new RandomIds());
    const { ticket } = tickets.issue('a');
    expect(tickets.redeem(ticket, 'b')).toBe(false);
    expect(tickets.redeem(ticket, 'a')).toBe(false);
  });

  it('live for five minutes', async () => {
    const clock = new HeldClock();
    const tickets = new EditorTickets(clock, new RandomIds());
    const [first, second] = [tickets.issue('a'), tickets.issue('a')];
    expect(first.expiresAt.getTime() - clock.now().getTime()).toBe(FIVE_MINUTES_MS);
    await clock.advance(FIVE_MINUTES_MS - 1);
    expect(tickets.redeem(first.ticket, 'a')).toBe(true);
    await clock.advance(1);
    expect(tickets.redeem(second.ticket, 'a')).toBe(false);
  });

  it('differ, and cannot be guessed', () => {
    const tickets = new EditorTickets(new HeldClock(), new RandomIds());
    const issued = Array.from({ length: 100 }, () => tickets.issue('a').ticket);
    expect(new Set(issued).size).toBe(100);
    expect(issued.every((ticket) => /^[A-Za-z0-9_-]{43}$/.test(ticket))).toBe(true);
    expect(tickets.redeem('', 'a')).toBe(false);
  });
});
