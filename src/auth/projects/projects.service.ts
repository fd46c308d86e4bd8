import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId, IdGenerator } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { dayOf } from '../../common/time/day-of.js';
import { usdOf } from '../../common/usd.js';
import { DomainEvents } from '../../events/domain-events.js';
import { SpendRepository } from '../../persistence/spend/spend.repository.js';
import { type ProjectRow, ProjectsRepository, type ProjectWrite } from '../../persistence/auth/projects.repository.js';
import { DEFAULT_PROJECT, QUOTA_NAMES, type Scope } from '../../persistence/types.js';
import type { Principal } from '../principal.js';
import { noteNotFound, projectNotFound, requireIn, visibleTo } from '../project-scope.js';
import { Revocation } from '../revocation.js';
import {
  type CreateProjectDto,
  PROJECT_NAME,
  type ProjectDto,
  type ProjectUsageDto,
  type UpdateProjectDto,
} from './project.dto.js';

/** Makes, changes and removes projects. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly projects: ProjectsRepository,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
    private readonly events: DomainEvents,
    private readonly spend: SpendRepository,
  ) {}

  async create({ name, quotas, egress, budgetUsd, allowedImages = null }: CreateProjectDto): Promise<ProjectDto> {
    const row = {
      id: this.ids.next(),
      name,
      quotas: { ...quotas },
      egress: { ...egress },
      budgetUsd: { ...budgetUsd },
      allowedImages,
      createdAt: this.clock.now(),
    };
    return written(await this.projects.insert(row), name);
  }

  /** Those that the principal belongs to. */
  async list(principal: Principal): Promise<ProjectDto[]> {
    return (await this.projects.list(visibleTo(principal))).map(toProjectDto);
  }

  async get(principal: Principal, reference: string): Promise<ProjectDto> {
    return toProjectDto(await this.find(principal, reference));
  }

  async usage(principal: Principal, reference: string): Promise<ProjectUsageDto> {
    const { id, quotas } = await this.find(principal, reference);
    const used = await this.projects.usage(id);
    const entries = QUOTA_NAMES.map((quota) => [quota, { used: used[quota], limit: quotas[quota] ?? null }]);
    const { day, month } = await this.spend.ofProject(id, dayOf(this.clock.now()));
    const usd = { usdToday: usdOf(day), usdMonth: usdOf(month) };
    return { ...(Object.fromEntries(entries) as Omit<ProjectUsageDto, keyof typeof usd>), ...usd };
  }

  async update(
    principal: Principal,
    reference: string,
    { name, quotas, egress, budgetUsd, allowedImages }: UpdateProjectDto,
  ): Promise<ProjectDto> {
    const { id } = await this.find(principal, reference);
    if (id === DEFAULT_PROJECT.id && name !== undefined && name !== DEFAULT_PROJECT.name)
      throw new DomainError('invalid_state', 'The default project keeps its name.');
    const patch = {
      ...(name === undefined ? {} : { name }),
      ...(quotas === undefined ? {} : { quotas: { ...quotas } }),
      ...(egress === undefined ? {} : { egress: { ...egress } }),
      ...(budgetUsd === undefined ? {} : { budgetUsd: { ...budgetUsd } }),
      ...(allowedImages === undefined ? {} : { allowedImages }),
    };
    if (Object.keys(patch).length === 0) return this.get(principal, id);
    const project = written(await this.projects.update(id, patch), name ?? reference);
    if (budgetUsd !== undefined) this.events.emit('project.budget_changed', { projectId: id });
    return project;
  }

  async remove(principal: Principal, reference: string): Promise<void> {
    const { id } = await this.find(principal, reference);
    if (id === DEFAULT_PROJECT.id) throw new DomainError('invalid_state', 'The default project cannot be removed.');
    const removal = await this.projects.remove(id);
    if (removal === 'not_found') throw projectNotFound(reference);
    if (removal === 'not_empty')
      throw new DomainError(
        'project_not_empty',
        'The project still has containers, kept volumes or snapshots: remove them first.',
      );
    this.revocation.noticeChange();
  }

  /**
   * @param reference the id or the name
   * @throws DomainError `project_not_found`, also for a project that the principal does not belong to
   */
  async find(principal: Principal, reference: string): Promise<ProjectRow> {
    const id = asId(reference);
    const scope = visibleTo(principal);
    const row = id === undefined ? await this.findByName(reference, scope) : await this.projects.findById(id, scope);
    if (row === null) {
      noteNotFound(scope);
      throw projectNotFound(reference);
    }
    requireIn(principal, row.id);
    return row;
  }

  /** PostgreSQL rejects a query whose text contains NUL. */
  private async findByName(name: string, scope: Scope): Promise<ProjectRow | null> {
    return PROJECT_NAME.test(name) ? this.projects.findByName(name, scope) : null;
  }
}

function written(outcome: ProjectWrite, name: string): ProjectDto {
  switch (outcome.kind) {
    case 'written':
      return toProjectDto(outcome.row);
    case 'not_found':
      throw projectNotFound(name);
    case 'name_taken':
      throw new DomainError('name_taken', `There is a project named "${name}" already.`, {
        fields: [{ field: 'name', messages: ['is in use'] }],
      });
  }
}

function toProjectDto({ id, name, quotas, egress, budgetUsd, allowedImages, createdAt }: ProjectRow): ProjectDto {
  return { id, name, quotas, egress, budgetUsd, allowedImages, createdAt: createdAt.toISOString() };
}
