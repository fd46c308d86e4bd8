import { describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import type { UsersRepository } from '../../persistence/auth/users/users.repository.js';
import type { Passwords } from '../passwords/passwords.js';
import type { Revocation } from '../revocation.js';
import type { InvitationLinks } from './invitation-links.js';
import { InvitationsService } from './invitations.service.js';

describe('InvitationsService', () => {
  it('looks for what strangers guess by one query at a time, and hashes no password for them', async () => {
    const asked: string[][] = [];
    const hashed: string[] = [];
    const users = {
      knownInvitations: async (hashes: string[]) => {
        asked.push(hashes);
        return hashes.filter((hash) => hash === 'right');
      },
      acceptInvitation: async () => ({ email: 'ada@example.org' }),
    } as unknown as UsersRepository;
    const passwords = { hash: async (password: string) => void hashed.push(password) } as unknown as Passwords;
    const links = { hashOf: (token: string) => token } as unknown as InvitationLinks;
    const revocation = { noticeChange: () => undefined } as unknown as Revocation;
    const service = new InvitationsService(users, links, passwords, revocation, new FakeClock());
    const guesses = Array.from({ length: 100 }, (_, at) =>
      service.accept({ token: `guess ${at}`, password: 'guessed' }),
    );
    const accepted = service.accept({ token: 'right', password: 'chosen' });
    for (const guess of guesses) await expect(guess).rejects.toMatchObject({ code: 'invitation_not_found' });
    await expect(accepted).resolves.toEqual({ email: 'ada@example.org' });
    expect(asked.map(({ length }) => length)).toEqual([101]);
    expect(hashed).toEqual(['chosen']);
  });
});
