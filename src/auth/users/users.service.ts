import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId, IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import {
  type UserPatch,
  type UserRow,
  UsersRepository,
  type UserWrite,
} from '../../persistence/auth/users/users.repository.js';
import { InvitationLinks } from '../invitations/invitation-links.js';
import type { Principal } from '../principal.js';
import { Revocation } from '../revocation.js';
import { SessionOwners } from '../sessions/session-owners.js';
import { normalisedEmail } from './email.js';
import type { CreateUserDto, InvitationDto, InvitedUserDto, UpdateUserDto, UserDto, UserStatus } from './user.dto.js';

/** Invites, changes and removes users. */
@Injectable()
export class UsersService {
  constructor(
    private readonly users: UsersRepository,
    private readonly links: InvitationLinks,
    private readonly owners: SessionOwners,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  /** @throws DomainError `email_taken`; `forbidden` for an administrator by an API key */
  async create(principal: Principal, { email, name, role }: CreateUserDto): Promise<InvitedUserDto> {
    if (role === 'admin') await this.requireNoKey(principal);
    const { invitation, url } = this.links.create();
    const row: UserRow = {
      id: this.ids.next(),
      email: normalisedEmail(email),
      name,
      role,
      passwordHash: null,
      createdAt: this.clock.now(),
      disabledAt: null,
      lastSignInAt: null,
    };
    const user = written(await this.users.insert(row, invitation));
    return { user, invitationUrl: url, expiresAt: invitation.expiresAt.toISOString() };
  }

  async list(): Promise<UserDto[]> {
    return (await this.users.list()).map(toUserDto);
  }

  /** @throws DomainError `user_not_found` */
  async get(id: string): Promise<UserDto> {
    const row = await this.users.findById(idOf(id));
    if (row === null) throw userNotFound();
    return toUserDto(row);
  }

  /**
   * @throws DomainError `user_not_found`, `email_taken`; `invalid_state` for what would lock the caller out; `forbidden` for
   *   an administrator by an API key
   */
  async update(principal: Principal, reference: string, dto: UpdateUserDto): Promise<UserDto> {
    const { id, disabled: wasDisabled, role: earlierRole } = await this.get(reference);
    if (earlierRole === 'admin' || dto.role === 'admin') await this.requireNoKey(principal);
    if (id === principal.userId && (dto.disabled === true || dto.role === 'user')) throw lockout();
    const { email, name, role, disabled } = dto;
    const patch: UserPatch = {
      ...(email === undefined ? {} : { email: normalisedEmail(email) }),
      ...(name === undefined ? {} : { name }),
      ...(role === undefined ? {} : { role }),
      ...(disabled === undefined || disabled === wasDisabled ? {} : { disabledAt: disabled ? this.clock.now() : null }),
    };
    if (Object.keys(patch).length === 0) return this.get(id);
    const user = written(await this.users.update(id, patch));
    this.revocation.noticeChange();
    return user;
  }

  /** @throws DomainError `user_not_found`; `invalid_state` for oneself */
  async remove(principal: Principal, reference: string): Promise<void> {
    const id = idOf(reference);
    if (id === principal.userId) throw lockout();
    if (!(await this.users.remove(id))) throw userNotFound();
    this.revocation.noticeChange();
  }

  /**
   * A new link with which the user sets a password. Earlier links no longer work.
   * @throws DomainError `user_not_found`; `forbidden` for an administrator by an API key
   */
  async invite(principal: Principal, id: string): Promise<InvitationDto> {
    if ((await this.get(id)).role === 'admin') await this.requireNoKey(principal);
    const { invitation, url } = this.links.create();
    if (!(await this.users.invite(idOf(id), invitation))) throw userNotFound();
    return { invitationUrl: url, expiresAt: invitation.expiresAt.toISOString() };
  }

  /** An administrator that a key makes, or whose password it sets, would outlive the key. */
  private async requireNoKey(principal: Principal): Promise<void> {
    if ((await this.owners.keyBehind(principal)) === null) return;
    throw new DomainError(
      'forbidden',
      'An API key can neither make, change nor invite an administrator: sign in, or use the administrator token.',
    );
  }
}

/** @throws DomainError `user_not_found` for what is no id */
function idOf(reference: string): string {
  const id = asId(reference);
  if (id === undefined) throw userNotFound();
  return id;
}

export function userNotFound(): DomainError {
  return new DomainError('user_not_found', 'There is no user of this id; GET /api/users has the ids.');
}

function lockout(): DomainError {
  return new DomainError('invalid_state', 'Another administrator has to do this: you would lock yourself out.');
}

function written(outcome: UserWrite): UserDto {
  switch (outcome.kind) {
    case 'written':
      return toUserDto(outcome.row);
    case 'not_found':
      throw userNotFound();
    case 'email_taken':
      throw new DomainError('email_taken', 'There is a user with this email already.', {
        fields: [{ field: 'email', messages: ['is in use'] }],
      });
  }
}

function toUserDto(row: UserRow): UserDto {
  const { id, email, name, role, createdAt, lastSignInAt } = row;
  return {
    id,
    email,
    name,
    role,
    status: statusOf(row),
    disabled: row.disabledAt !== null,
    createdAt: createdAt.toISOString(),
    lastSignInAt: lastSignInAt?.toISOString() ?? null,
  };
}

function statusOf({ disabledAt, passwordHash, lastSignInAt }: UserRow): UserStatus {
  if (disabledAt !== null) return 'disabled';
  return passwordHash === null && lastSignInAt === null ? 'invited' : 'active';
}
