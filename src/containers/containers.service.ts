import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { isId } from '../common/id-generator.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import { ContainerCreator } from './lifecycle/container-creator.js';
import { CONTAINER_NAME } from '../workspace/container-names.js';
import { containerNotFound } from '../workspace/container-errors.js';
import { MachineLimits } from '../workspace/machine-limits.js';
import { ContainerStore } from './lifecycle/container-store.js';
import { ContainerView, toJobDto } from './container-view.js';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
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
    const row = await this.creator.accept(principal, dto, idempotencyKey);
    this.store.changed(row);
    return this.view.one(row);
  }

  async list(principal: Principal, query: ListContainersQuery): Promise<ContainerPageDto> {
    const rows = await this.containers.list({
      ownerId: principal.ownerId,
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
   * @throws DomainError `container_not_found`, also for a container of another owner
   */
  async find(principal: Principal, reference: string): Promise<ContainerRow> {
    const row = await this.lookUp(reference);
    if (row === null || row.ownerId !== principal.ownerId) throw containerNotFound(reference);
    return row;
  }

  /** What the server may push about a container, to its owner alone. @returns null when there is no such container */
  async snapshot(id: string): Promise<{ ownerId: string; container: ContainerDto } | null> {
    const row = await this.containers.findById(id);
    return row === null ? null : { ownerId: row.ownerId, container: await this.view.one(row) };
  }

  /** @throws DomainError `job_not_found` */
  async job(principal: Principal, id: string): Promise<JobDto> {
    const job = isId(id) ? await this.jobs.findById(id) : null;
    if (job === null || job.ownerId !== principal.ownerId)
      throw new DomainError('job_not_found', `There is no job "${id}".`);
    return toJobDto(job);
  }

  private async lookUp(reference: string): Promise<ContainerRow | null> {
    if (isId(reference)) return this.containers.findById(reference);
    // PostgreSQL rejects a query whose text contains NUL.
    return CONTAINER_NAME.test(reference) ? this.containers.findByName(reference) : null;
  }
}
