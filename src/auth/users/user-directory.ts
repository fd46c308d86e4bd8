import { Injectable } from '@nestjs/common';
import { MembershipsRepository } from '../../persistence/auth/users/memberships.repository.js';
import { type UserRow, UsersRepository } from '../../persistence/auth/users/users.repository.js';
import type { ProjectRole } from '../../persistence/types.js';
import { type Credential, type Identity, isAtLeast } from '../principal.js';
import { RevisionCache } from '../credentials/revision-cache.js';

export type UserRoles = Pick<UserRow, 'id' | 'name' | 'role'> & { projects: ReadonlyMap<string, ProjectRole> };

/** What users may do. In steady state it takes no query: {@link forget} is called when anything changed. */
@Injectable()
export class UserDirectory {
  /** That a user is disabled is kept, too: only who has a credential of the user can cause it. */
  private readonly rolesOf = new RevisionCache(
    (id) => this.read(id),
    () => true,
  );

  constructor(
    private readonly users: UsersRepository,
    private readonly memberships: MembershipsRepository,
  ) {}

  /** @returns null for a user who does not exist or is disabled */
  async find(id: string): Promise<UserRoles | null> {
    return this.rolesOf.get(id);
  }

  forget(): void {
    this.rolesOf.forget();
  }

  /** Whether the user may still do everything that the identity may. */
  async stillCovers({ userId = '', kind, roles }: Identity): Promise<boolean> {
    const user = await this.find(userId);
    if (user === null) return false;
    if (user.role === 'admin') return true;
    return (
      kind !== 'administrator' && [...roles].every(([projectId, role]) => isAtLeast(user.projects.get(projectId), role))
    );
  }

  private async read(id: string): Promise<UserRoles | null> {
    const [row, memberships] = await Promise.all([this.users.findById(id), this.memberships.ofUser(id)]);
    if (row === null || row.disabledAt !== null) return null;
    const projects = new Map(memberships.map(({ projectId, role }) => [projectId, role]));
    return { id, name: row.name, role: row.role, projects };
  }
}

export function identityOfUser({ id, name, role, projects }: UserRoles, credential: Credential): Identity {
  return { kind: role === 'admin' ? 'administrator' : 'user', id, userId: id, name, roles: projects, credential };
}
