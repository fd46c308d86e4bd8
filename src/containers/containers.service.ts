import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { noteNotFound, projectsOf, requireIn, visibleTo } from '../auth/project-scope.js';
import { DomainError } from '../common/errors/domain-error.js';
import { asId } from '../common/id-generator.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { DEFAULT_PROJECT } from '../persistence/types.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import { ContainerCreator } from './lifecycle/container-creator.js';
import { CONTAINER_NAME } from '../workspace/container-names.js';
import { containerNotFound } from '../workspace/container-errors.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { ContainerStore } from './lifecycle/container-store.js';
import { ContainerView, toJobDto } from './container-view.js';
import { decodeCursor, encodeCursor } from '../http/validation/cursor.js';
import type { ContainerDto, ContainerPageDto, JobDto } from './dto/container.dto.js';
import type { CreateContainerDto } from './dto/create-container.dto.js';
import type { ListContainersQuery } from './dto/list-containers.query.js';

/** Creates, lists and finds containers. Reads use the database alone, so they work without the engine. */
@Injectable()
export class ContainersService {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly store: ContainerStore,
    private readonly creator: ContainerCreator,
    private readonly view: ContainerView,
    private readonly machine: MachineLimits,
  ) {}

  async create(principal: Principal, dto: CreateContainerDto, idempotencyKey?: string): Promise<ContainerDto> {
    await this.machine.require(dto);
    const { row, job } = await this.creator.accept(principal, dto, idempotencyKey);
    this.store.changed(row);
    return this.view.one(row, job);
  }

  async list(principal: Principal, query: ListContainersQuery): Promise<ContainerPageDto> {
    const rows = await this.containers.list({
      scope: projectsOf(principal, query.projectId),
      status: query.status,
      template: query.template,
      limit: query.limit + 1,
      after: query.cursor === undefined ? undefined : decodeCursor(query.cursor),
    });
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return {
      items: await this.view.many(page, query.includeMetrics),
      nextCursor: rows.length > query.limit && last !== undefined ? encodeCursor(last) : null,
    };
  }

  async get(principal: Principal, reference: string): Promise<ContainerDto> {
    return this.view.one(await this.find(principal, reference));
  }

  /**
   * @param reference the id or the name
   * @throws DomainError `container_not_found`, also for a container of a project that the principal does not belong to;
   *   `forbidden` when its role in the project is not enough; `ambiguous_name` when several of its projects have one
   */
  async find(principal: Principal, reference: string): Promise<ContainerRow> {
    const row = await this.lookUp(reference, principal);
    if (row === null) throw containerNotFound(reference);
    requireIn(principal, row.projectId);
    return row;
  }

  /** @throws DomainError `job_not_found` */
  async job(principal: Principal, id: string): Promise<JobDto> {
    const asked = asId(id);
    const scope = visibleTo(principal);
    const job = asked === undefined ? null : await this.jobs.findById(asked, scope);
    if (job === null) {
      noteNotFound(scope);
      throw new DomainError('job_not_found', `There is no job "${id}".`);
    }
    return toJobDto(job);
  }

  private async lookUp(reference: string, principal: Principal): Promise<ContainerRow | null> {
    const scope = visibleTo(principal);
    const id = asId(reference);
    if (id !== undefined) {
      const row = await this.containers.findById(id, scope);
      if (row === null) noteNotFound(scope, { kind: 'container', id, name: null });
      return row;
    }
    // PostgreSQL rejects a query whose text contains NUL.
    if (!CONTAINER_NAME.test(reference)) return null;
    const rows = await this.containers.findByName(reference, scope);
    if (rows.length === 0) noteNotFound(scope, { kind: 'container', id: null, name: reference });
    const row = rows.find(({ projectId }) => projectId === DEFAULT_PROJECT.id) ?? rows[0] ?? null;
    if (rows.length > 1 && row?.projectId !== DEFAULT_PROJECT.id)
      throw new DomainError('ambiguous_name', `Several projects have a container "${reference}": use its id.`);
    return row;
  }
}
