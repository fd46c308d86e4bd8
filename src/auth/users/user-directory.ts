import { Injectable } from '@nestjs/common';
import { MembershipsRepository } from '../../persistence/auth/memberships.repository.js';
import { type UserRow, UsersRepository } from '../../persistence/auth/users.repository.js';
import { PROJECT_ROLES, type ProjectRole } from '../../persistence/types.js';
import type { Credential, Identity } from '../principal.js';

const MAX_CACHED = 10_000;

export type UserRoles = Pick<UserRow, 'id' | 'name' | 'role'> & { projects: ReadonlyMap<string, ProjectRole> };

/** What users may do. In steady state it takes no query: {@link forget} is called when anything changed. */
@Injectable()
export class UserDirectory {
  private readonly cache = new Map<string, UserRoles | null>();
  /** Tells reads that began before a change from later ones. */
  private generation = 0;

  constructor(
    private readonly users: UsersRepository,
    private readonly memberships: MembershipsRepository,
  ) {}

  /** @returns null for a user who does not exist or is disabled */
  async find(id: string): Promise<UserRoles | null> {
    const cached = this.cache.get(id);
    if (cached !== undefined) return cached;
    const { generation } = this;
    const [row, memberships] = await Promise.all([this.users.findById(id), this.memberships.ofUser(id)]);
    const user =
      row === null || row.disabledAt !== null
        ? null
        : {
            id,
            name: row.name,
            role: row.role,
            projects: new Map(memberships.map(({ projectId, role }) => [projectId, role])),
          };
    if (generation === this.generation) {
      if (this.cache.size >= MAX_CACHED) this.cache.clear();
      this.cache.set(id, user);
    }
    return user;
  }

  forget(): void {
    this.generation += 1;
    this.cache.clear();
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
}

export function identityOfUser({ id, name, role, projects }: UserRoles, credential: Credential): Identity {
  return { kind: role === 'admin' ? 'administrator' : 'user', id, userId: id, name, roles: projects, credential };
}

function isAtLeast(role: ProjectRole | undefined, least: ProjectRole): boolean {
  return role !== undefined && PROJECT_ROLES.indexOf(role) >= PROJECT_ROLES.indexOf(least);
}
