import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { type MembershipRow, MembershipsRepository } from '../../persistence/auth/users/memberships.repository.js';
import type { ProjectRole } from '../../persistence/types.js';
import type { Principal } from '../principal.js';
import { projectNotFound } from '../project-scope.js';
import { ProjectsService } from '../projects/projects.service.js';
import { Revocation } from '../revocation.js';
import { userNotFound } from '../users/users.service.js';
import type { MemberDto, NamedMemberDto } from './member.dto.js';

/** Adds users to projects and removes them. */
@Injectable()
export class MembersService {
  constructor(
    private readonly projects: ProjectsService,
    private readonly memberships: MembershipsRepository,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
  ) {}

  async list(principal: Principal, project: string): Promise<NamedMemberDto[]> {
    const { id } = await this.projects.find(principal, project);
    const members = await this.memberships.ofProject(id);
    return members.map(({ email, name, ...row }) => ({ ...toMemberDto(row), email, name }));
  }

  /** @throws DomainError `project_not_found`, `user_not_found`; `invalid_state` when the project would lose its last owner */
  async put(principal: Principal, project: string, user: string, role: ProjectRole): Promise<MemberDto> {
    const { id: projectId } = await this.projects.find(principal, project);
    const userId = asId(user);
    if (userId === undefined) throw userNotFound();
    const outcome = await this.memberships.put(
      { projectId, userId, role, createdAt: this.clock.now() },
      options(principal),
    );
    switch (outcome.kind) {
      case 'written':
        this.revocation.noticeChange();
        return toMemberDto(outcome.row);
      case 'project_not_found':
        throw projectNotFound(project);
      case 'user_not_found':
        throw userNotFound();
      case 'last_owner':
        throw lastOwner();
    }
  }

  /** @throws DomainError as {@link put} */
  async remove(principal: Principal, project: string, user: string): Promise<void> {
    const { id: projectId } = await this.projects.find(principal, project);
    const userId = asId(user);
    if (userId === undefined) throw userNotFound();
    const outcome = await this.memberships.remove(projectId, userId, options(principal));
    if (outcome === 'not_found') throw userNotFound();
    if (outcome === 'last_owner') throw lastOwner();
    this.revocation.noticeChange();
  }
}

/** Administrators may do what leaves a project without an owner, since they can add another. */
function options({ kind }: Principal): { keepsOwner: boolean } {
  return { keepsOwner: kind !== 'administrator' };
}

function lastOwner(): DomainError {
  return new DomainError('invalid_state', 'The project would have no owner. Make another member the owner first.');
}

function toMemberDto({ userId, role, createdAt }: MembershipRow): MemberDto {
  return { userId, role, createdAt: createdAt.toISOString() };
}
