import { Injectable } from '@nestjs/common';
import { BatchedLookup } from '../../common/concurrency/batched-lookup.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { Clock } from '../../common/time/clock.js';
import { UsersRepository } from '../../persistence/auth/users/users.repository.js';
import { Passwords } from '../passwords/passwords.js';
import { Revocation } from '../revocation.js';
import type { AcceptInvitationDto, AcceptedInvitationDto } from './invitation.dto.js';
import { InvitationLinks } from './invitation-links.js';

/** Lets the holder of an invitation set a password. */
@Injectable()
export class InvitationsService {
  /** Guesses of strangers wait for one query at a time. */
  private readonly known = new BatchedLookup(async (hashes: string[]) =>
    (await this.users.knownInvitations(hashes, this.clock.now())).map((id) => ({ id })),
  );

  constructor(
    private readonly users: UsersRepository,
    private readonly links: InvitationLinks,
    private readonly passwords: Passwords,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
  ) {}

  /** @throws DomainError `invitation_not_found`, also for one that has been used or has expired */
  async accept({ token, password }: AcceptInvitationDto): Promise<AcceptedInvitationDto> {
    const hash = this.links.hashOf(token);
    // Before the password is hashed, which is much work to do for a stranger.
    if (hash === null || (await this.known.get(hash)) === null) throw invitationNotFound();
    const passwordHash = await this.passwords.hash(password);
    const user = await this.users.acceptInvitation(hash, passwordHash, this.clock.now());
    if (user === null) throw invitationNotFound();
    this.revocation.noticeChange();
    return { email: user.email };
  }
}

function invitationNotFound(): DomainError {
  return new DomainError('invitation_not_found', 'This invitation has been used, has expired, or does not exist.');
}
