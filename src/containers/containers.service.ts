import { Injectable } from '@nestjs/common';
import type { Principal } from '../auth/principal.js';
import { DomainError } from '../common/errors/domain-error.js';
import { isId } from '../common/id-generator.js';
import { type ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import { JobsRepository } from '../persistence/containers/jobs.repository.js';
import { ContainerCreator } from './lifecycle/container-creator.js';
import { CONTAINER_NAME } from '../workspace/container-names.js';
import { containerNotFound } from '../workspace/container-errors.js';
import { ContainerStore } from './lifecycle/container-store.js';
import { ContainerView, toJobDto } from './container-view.js';
import { decodeCursor, encodeCursor } from '../http/cursor.js';
import type { ContainerDto, ContainerPageDto, JobDto } from './dto/container.dto.js';
import type { CreateContainerDto } from './dto/create-container.dto.js';
import type { ListContainersQuery } from './dto/list-containers.query.js';

/** Accepts containers and shows them. Reads answer from the database alone. */
@Injectable()
export class ContainersService {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly jobs: JobsRepository,
    private readonly store: ContainerStore,
    private readonly acceptance: ContainerCreator,
    private readonly view: ContainerView,
  ) {}

  async create(principal: Principal, dto: CreateContainerDto, idempotencyKey?: string): Promise<ContainerDto> {
    const row = await this.acceptance.accept(principal, dto, idempotencyKey);
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

  /** @param reference the id or the name */
  async find(principal: Principal, reference: string): Promise<ContainerRow> {
    const row = await this.lookUp(reference);
    if (row === null || row.ownerId !== principal.ownerId) throw containerNotFound(reference);
    return row;
  }

  async job(principal: Principal, id: string): Promise<JobDto> {
    const job = isId(id) ? await this.jobs.findById(id) : null;
    if (job === null || job.ownerId !== principal.ownerId)
      throw new DomainError('job_not_found', `There is no job "${id}".`);
    return toJobDto(job);
  }

  private async lookUp(reference: string): Promise<ContainerRow | null> {
    if (isId(reference)) return this.containers.findById(reference);
    // The database refuses some texts altogether, such as those with a NUL.
    return CONTAINER_NAME.test(reference) ? this.containers.findByName(reference) : null;
  }
}
