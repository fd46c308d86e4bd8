import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { RandomIdGenerator } from '../../common/id-generator.js';
import { type SignInTicketRow, SignInTicketsRepository } from '../../persistence/auth/sign-in-tickets.repository.js';
import { SignInTickets } from './sign-in-tickets.js';

const FIVE_MINUTES_MS = 5 * 60_000;
const ADMIN = { kind: 'admin_token' } as const;
const A = { containerId: 'a', port: null };
const PORT_OF_A = { containerId: 'a', port: 3000 };
const B = { containerId: 'b', port: null };

class InMemory extends SignInTicketsRepository {
  readonly rows = new Map<string, SignInTicketRow>();

  /** What is gone by the time that a ticket is stored. */
  gone: 'container_gone' | 'credential_gone' | null = null;

  async insert(ticket: SignInTicketRow): Promise<'inserted' | 'container_gone' | 'credential_gone'> {
    if (this.gone !== null) return this.gone;
    this.rows.set(ticket.hash, ticket);
    return 'inserted';
  }

  /** The hashes of each query. */
  readonly asked: string[][] = [];

  async known(hashes: string[]): Promise<string[]> {
    this.asked.push(hashes);
    return hashes.filter((hash) => this.rows.has(hash));
  }

  async take(hash: string): Promise<SignInTicketRow | null> {
    const row = this.rows.get(hash) ?? null;
    this.rows.delete(hash);
    return row;
  }
}

function make(clock = new FakeClock()): { tickets: SignInTickets; rows: InMemory['rows'] } {
  const repository = new InMemory();
  return { tickets: new SignInTickets(repository, clock, new RandomIdGenerator()), rows: repository.rows };
}

describe('SignInTickets', () => {
  it.each([
    ['container_gone', 'container_not_found'],
    ['credential_gone', 'unauthorized'],
  ] as const)('says what is gone (%s)', async (gone, code) => {
    const repository = Object.assign(new InMemory(), { gone });
    const tickets = new SignInTickets(repository, new FakeClock(), new RandomIdGenerator());
    await expect(tickets.issue(A, ADMIN)).rejects.toMatchObject({ code });
  });

  it('are looked for by one query at a time, however many strangers guess', async () => {
    const repository = new InMemory();
    const tickets = new SignInTickets(repository, new FakeClock(), new RandomIdGenerator());
    const { ticket } = await tickets.issue(A, ADMIN);
    const guesses = Array.from({ length: 100 }, (_, at) => tickets.redeem(`guess ${at}`, A));
    await expect(tickets.redeem(ticket, A)).resolves.toEqual(ADMIN);
    expect(new Set(await Promise.all(guesses))).toEqual(new Set([null]));
    expect(repository.asked.map(({ length }) => length)).toEqual([101]);
  });

  it('are valid once', async () => {
    const { tickets } = make();
    const { ticket } = await tickets.issue(A, ADMIN);
    await expect(tickets.redeem(ticket, A)).resolves.toEqual(ADMIN);
    await expect(tickets.redeem(ticket, A)).resolves.toBeNull();
  });

  it('say which credential they were asked for with', async () => {
    const { tickets } = make();
    for (const credential of [{ kind: 'api_key', id: 'k' } as const, { kind: 'session', id: 's' } as const]) {
      const { ticket } = await tickets.issue(A, credential);
      await expect(tickets.redeem(ticket, A)).resolves.toEqual(credential);
    }
  });

  it.each([
    ['another container', A, B],
    ['a port of the same container', A, PORT_OF_A],
    ['the editor, when it is for a port', PORT_OF_A, A],
    ['another port', PORT_OF_A, { ...PORT_OF_A, port: 3001 }],
  ])('are used up by an attempt at %s', async (_, site, other) => {
    const { tickets } = make();
    const { ticket } = await tickets.issue(site, ADMIN);
    await expect(tickets.redeem(ticket, other)).resolves.toBeNull();
    await expect(tickets.redeem(ticket, site)).resolves.toBeNull();
  });

  it('expire after five minutes', async () => {
    const clock = new FakeClock();
    const { tickets } = make(clock);
    const [first, second] = [await tickets.issue(A, ADMIN), await tickets.issue(A, ADMIN)];
    expect(first.expiresAt.getTime() - clock.now().getTime()).toBe(FIVE_MINUTES_MS);
    await clock.advance(FIVE_MINUTES_MS - 1);
    await expect(tickets.redeem(first.ticket, A)).resolves.toEqual(ADMIN);
    await clock.advance(1);
    await expect(tickets.redeem(second.ticket, A)).resolves.toBeNull();
  });

  it('are unique, random and stored only as hashes', async () => {
    const { tickets, rows } = make();
    const issued = await Promise.all(Array.from({ length: 100 }, async () => (await tickets.issue(A, ADMIN)).ticket));
    expect(new Set(issued).size).toBe(100);
    expect(issued.every((ticket) => /^[A-Za-z0-9_-]{43}$/.test(ticket))).toBe(true);
    expect(issued.some((ticket) => JSON.stringify([...rows]).includes(ticket))).toBe(false);
    await expect(tickets.redeem('', A)).resolves.toBeNull();
  });
});
