import { Injectable } from '@nestjs/common';
import { Clock } from '../../common/time/clock.js';
import { type GroupRole, Settings } from '../../config/settings.js';
import { MembershipsRepository } from '../../persistence/auth/users/memberships.repository.js';
import { ProjectsRepository } from '../../persistence/auth/projects.repository.js';
import { type UserRow, UsersRepository } from '../../persistence/auth/users/users.repository.js';
import { PROJECT_ROLES, type ProjectRole } from '../../persistence/types.js';
import { Revocation } from '../revocation.js';
import { EVERYTHING } from '../../persistence/everything.js';

/** The provider decides, also about the last owner of a project. */
const OPTIONS = { keepsOwner: false };

/** Gives users the roles of their groups at the provider, at each sign-in. */
@Injectable()
export class GroupRoles {
  private readonly mapped: readonly GroupRole[];

  constructor(
    settings: Settings,
    private readonly users: UsersRepository,
    private readonly projects: ProjectsRepository,
    private readonly memberships: MembershipsRepository,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
  ) {
    this.mapped = settings.oidc?.groupRoles ?? [];
  }

  /** Whether one of the groups has a role. */
  includesAny(groups: readonly string[]): boolean {
    return this.rolesOf(groups).length > 0;
  }

  /** Projects, and the platform role, that no group is mapped to are left alone. */
  async apply(user: UserRow, groups: readonly string[]): Promise<void> {
    const roles = this.rolesOf(groups);
    const changed = [await this.setPlatformRole(user, roles)];
    const names = new Set(this.mapped.flatMap((each) => (each.kind === 'project' ? [each.project] : [])));
    if (names.size > 0) {
      const current = new Map((await this.memberships.ofUser(user.id)).map(({ projectId, role }) => [projectId, role]));
      for (const name of names) changed.push(await this.setProjectRole(user, name, current, roles));
    }
    if (changed.includes(true)) this.revocation.noticeChange();
  }

  private rolesOf(groups: readonly string[]): GroupRole[] {
    return this.mapped.filter(({ group }) => groups.includes(group));
  }

  private async setPlatformRole(user: UserRow, roles: readonly GroupRole[]): Promise<boolean> {
    if (!this.mapped.some(isAdmin)) return false;
    const role = roles.some(isAdmin) ? 'admin' : 'user';
    if (role === user.role) return false;
    await this.users.update(user.id, { role });
    return true;
  }

  /** A project that does not exist yet is left out. */
  private async setProjectRole(
    { id: userId }: UserRow,
    name: string,
    current: ReadonlyMap<string, ProjectRole>,
    roles: readonly GroupRole[],
  ): Promise<boolean> {
    const project = await this.projects.findByName(name, EVERYTHING);
    if (project === null) return false;
    const { id: projectId } = project;
    const role = highest(
      roles.flatMap((each) => (each.kind === 'project' && each.project === name ? [each.role] : [])),
    );
    if (current.get(projectId) === role) return false;
    if (role === undefined) await this.memberships.remove(projectId, userId, OPTIONS);
    else await this.memberships.put({ projectId, userId, role, createdAt: this.clock.now() }, OPTIONS);
    return true;
  }
}

function isAdmin(each: GroupRole): boolean {
  return each.kind === 'platform' && each.role === 'admin';
}

function highest(roles: readonly ProjectRole[]): ProjectRole | undefined {
  return PROJECT_ROLES.findLast((role) => roles.includes(role));
}
