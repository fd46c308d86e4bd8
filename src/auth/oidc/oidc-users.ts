import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { type UserRow, UsersRepository } from '../../persistence/auth/users/users.repository.js';
import { noteSignInOf } from '../audit/sign-in-target.js';
import { normalisedEmail } from '../users/email.js';
import { MAX_EMAIL_LENGTH, MAX_USER_NAME_LENGTH } from '../users/user.dto.js';
import { actingAs } from './acting-as.js';
import { GroupRoles } from './group-roles.js';
import type { ProviderIdentity } from './provider-identity.js';

/** Finds the user that an account at the provider is of: by an earlier sign-in, by the email, or a new one. */
@Injectable()
export class OidcUsers {
  private readonly newUserDomains: readonly string[];

  constructor(
    settings: Settings,
    private readonly users: UsersRepository,
    private readonly groupRoles: GroupRoles,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {
    this.newUserDomains = settings.oidc?.newUserDomains ?? [];
  }

  /** @throws DomainError `sign_in_refused` for somebody who is neither invited nor allowed */
  async find(identity: ProviderIdentity): Promise<UserRow> {
    const known = await this.users.findByAccount(identity);
    if (known !== null) return known;
    const { email } = identity;
    if (email === null)
      throw refused('The OpenID provider has not confirmed an email address of yours, by which DevForge knows you.');
    return (await this.ofEmail(identity, email)) ?? this.newUser(identity, email);
  }

  /** The owner of the email is the same person from now on, whatever the email becomes. */
  private async ofEmail(identity: ProviderIdentity, email: string): Promise<UserRow | null> {
    const user = await this.users.findByEmail(normalisedEmail(email));
    return user === null ? null : this.link(user, identity);
  }

  private async newUser(identity: ProviderIdentity, email: string): Promise<UserRow> {
    if (!this.isAllowed(identity, email))
      throw refused(`There is no user of DevForge for ${email}. Ask an administrator to invite you.`);
    const row: UserRow = {
      id: this.ids.next(),
      email: normalisedEmail(email),
      name: (identity.name ?? email).slice(0, MAX_USER_NAME_LENGTH).toWellFormed(),
      role: 'user',
      passwordHash: null,
      createdAt: this.clock.now(),
      disabledAt: null,
      lastSignInAt: null,
    };
    const written = await actingAs(row, identity, () => this.users.insert(row));
    // A sign-in of the same person at the same time was first.
    const user = written.kind === 'email_taken' ? await this.ofEmail(identity, email) : await this.link(row, identity);
    if (user === null) throw refused('Your user of DevForge was removed just now.');
    return user;
  }

  private isAllowed({ groups }: ProviderIdentity, email: string): boolean {
    const domain = email.split('@').at(-1)!.toLowerCase();
    const isAllowed = this.newUserDomains.some((each) => each === '*' || each === domain);
    return email.length <= MAX_EMAIL_LENGTH && (isAllowed || this.groupRoles.includesAny(groups));
  }

  private async link(owner: UserRow, identity: ProviderIdentity): Promise<UserRow> {
    const { issuer, subject } = identity;
    const now = this.clock.now();
    noteSignInOf(owner);
    await actingAs(owner, identity, () => this.users.linkAccount(owner.id, { issuer, subject }, now));
    const user = await this.users.findByAccount(identity);
    // Somebody may have been given the email address of who left.
    if (user === null)
      throw refused(
        'The user of DevForge with your email has another account at the OpenID provider. Ask an administrator.',
      );
    return user;
  }
}

function refused(message: string): DomainError {
  return new DomainError('sign_in_refused', message);
}
