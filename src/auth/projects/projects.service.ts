import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { IdGenerator, isId } from '../../common/id-generator.js';
import { Clock } from '../../common/time/clock.js';
import { type ProjectRow, ProjectsRepository, type ProjectWrite } from '../../persistence/auth/projects.repository.js';
import { DEFAULT_PROJECT, QUOTAS } from '../../persistence/types.js';
import { isInScope, type Principal } from '../principal.js';
import { projectNotFound, requireIn, visibleTo } from '../project-scope.js';
import { Revocation } from '../revocation.js';
import type { CreateProjectDto, ProjectDto, ProjectUsageDto, UpdateProjectDto } from './project.dto.js';

/** Makes, changes and removes projects. */
@Injectable()
export class ProjectsService {
  constructor(
    private readonly projects: ProjectsRepository,
    private readonly revocation: Revocation,
    private readonly clock: Clock,
    private readonly ids: IdGenerator,
  ) {}

  async create({ name, quotas }: CreateProjectDto): Promise<ProjectDto> {
    const row = { id: this.ids.next(), name, quotas: { ...quotas }, createdAt: this.clock.now() };
    return written(await this.projects.insert(row), name);
  }

  /** Those that the principal belongs to. */
  async list(principal: Principal): Promise<ProjectDto[]> {
    const scope = visibleTo(principal);
    return (await this.projects.list()).filter(({ id }) => isInScope(scope, id)).map(toProjectDto);
  }

  async get(principal: Principal, reference: string): Promise<ProjectDto> {
    return toProjectDto(await this.find(principal, reference));
  }

  async usage(principal: Principal, reference: string): Promise<ProjectUsageDto> {
    const { id, quotas } = await this.find(principal, reference);
    const used = await this.projects.usage(id);
    const entries = QUOTAS.map((quota) => [quota, { used: used[quota], limit: quotas[quota] ?? null }]);
    return Object.fromEntries(entries) as ProjectUsageDto;
  }

  async update(principal: Principal, reference: string, { name, quotas }: UpdateProjectDto): Promise<ProjectDto> {
    const { id } = await this.find(principal, reference);
    if (id === DEFAULT_PROJECT.id && name !== undefined && name !== DEFAULT_PROJECT.name)
      throw new DomainError('invalid_state', 'The default project keeps its name.');
    const patch = {
      ...(name === undefined ? {} : { name }),
      ...(quotas === undefined ? {} : { quotas: { ...quotas } }),
    };
    if (Object.keys(patch).length === 0) return this.get(principal, id);
    return written(await this.projects.update(id, patch), name ?? reference);
  }

  async remove(principal: Principal, reference: string): Promise<void> {
    const { id } = await this.find(principal, reference);
    if (id === DEFAULT_PROJECT.id) throw new DomainError('invalid_state', 'The default project cannot be removed.');
    const removal = await this.projects.remove(id);
    if (removal === 'not_found') throw projectNotFound(reference);
    if (removal === 'not_empty')
      throw new DomainError(
        'project_not_empty',
        'The project still has containers or kept volumes: remove them first.',
      );
    this.revocation.noticeChange();
  }

  /**
   * @param reference the id or the name
   * @throws DomainError `project_not_found`, also for a project that the principal does not belong to
   */
  async find(principal: Principal, reference: string): Promise<ProjectRow> {
    const row = isId(reference) ? await this.projects.findById(reference) : await this.projects.findByName(reference);
    if (row === null || !isInScope(visibleTo(principal), row.id)) throw projectNotFound(reference);
    requireIn(principal, row.id);
    return row;
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

function toProjectDto({ id, name, quotas, createdAt }: ProjectRow): ProjectDto {
  return { id, name, quotas, createdAt: createdAt.toISOString() };
}
