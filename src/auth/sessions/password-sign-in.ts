import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { UsersRepository } from '../../persistence/auth/users/users.repository.js';
import { noteSignInOf } from '../audit/sign-in-target.js';
import { Passwords } from '../passwords/passwords.js';
import { normalisedEmail } from '../users/email.js';
import { ownedByUser } from './session-owners.js';
import type { SignInDto } from './session.dto.js';
import { type BegunSession, type BrowserAddress, SessionsService } from './sessions.service.js';
import { SignInLimit } from './sign-in-limit.js';

/** Signs users in by their password. */
@Injectable()
export class PasswordSignIn {
  constructor(
    private readonly users: UsersRepository,
    private readonly passwords: Passwords,
    private readonly limit: SignInLimit,
    private readonly sessions: SessionsService,
  ) {}

  /**
   * Answers the same in the same time for a wrong password, for an email of nobody, and for a user who is disabled or has
   * no password.
   * @throws DomainError `invalid_credentials`, `rate_limited`
   */
  async signIn({ email, password }: SignInDto, from: BrowserAddress): Promise<BegunSession> {
    const account = normalisedEmail(email);
    const succeed = await this.limit.begin(from.address, account);
    const user = await this.users.findByEmail(account);
    noteSignInOf(user);
    const hash = user?.disabledAt === null ? user.passwordHash : null;
    const isRight = await this.passwords.verify(password, hash);
    const begun = isRight && user !== null ? await this.sessions.begin(ownedByUser(user.id), from) : null;
    if (user === null || hash === null || begun === null)
      throw new DomainError('invalid_credentials', 'The email or the password is wrong.');
    await succeed();
    if (this.passwords.isOutdated(hash)) await this.users.rehash(user.id, hash, await this.passwords.hash(password));
    return begun;
  }
}
