import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { noteNotFound, projectsOf, requireIn, visibleTo } from '../../auth/project-scope.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { asId } from '../../common/id-generator.js';
import { ContainersService } from '../../containers/containers.service.js';
import { type InstructionRow, InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import type { CreateInstructionDto } from './dto/create-instruction.dto.js';
import type { InstructionDto, InstructionPageDto } from './dto/instruction.dto.js';
import type { ListAllInstructionsQuery, ListInstructionsQuery } from './dto/instructions.query.js';
import { InstructionCreator } from './instruction-creator.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { InstructionView } from './instruction-view.js';
import { InstructionQueue } from '../queue/instruction-queue.js';

/** Creates and reads instructions. Reads need the database only. */
@Injectable()
export class InstructionsService {
  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly containers: ContainersService,
    private readonly creator: InstructionCreator,
    private readonly view: InstructionView,
    private readonly changes: InstructionChanges,
    private readonly queue: InstructionQueue,
  ) {}

  /** @param container the id or the name */
  async create(
    principal: Principal,
    container: string,
    dto: CreateInstructionDto,
    idempotencyKey?: string,
  ): Promise<InstructionDto> {
    const row = await this.creator.create(principal, container, dto, idempotencyKey);
    this.queue.wake(row.containerId);
    this.changes.stateChanged(row);
    return this.view.one(row);
  }

  async list(principal: Principal, container: string, query: ListInstructionsQuery): Promise<InstructionPageDto> {
    return this.listAll(principal, { ...query, containerId: container });
  }

  /** Of all containers, or of the given one. */
  async listAll(
    principal: Principal,
    { status, limit, cursor, containerId: reference, projectId }: ListAllInstructionsQuery,
  ): Promise<InstructionPageDto> {
    const scope = projectsOf(principal, projectId);
    const containerId = reference === undefined ? undefined : (await this.containers.find(principal, reference)).id;
    const rows = await this.instructions.list({ scope, containerId, status, limit: limit + 1, before: cursor });
    const page = rows.slice(0, limit);
    return {
      items: await this.view.many(page),
      nextCursor: rows.length > limit ? String(page.at(-1)!.position) : null,
    };
  }

  async get(principal: Principal, id: string): Promise<InstructionDto> {
    return this.view.one(await this.find(principal, id));
  }

  /** @throws DomainError `instruction_not_found`, also for an instruction of another owner */
  async find(principal: Principal, id: string): Promise<InstructionRow> {
    const asked = asId(id);
    const scope = visibleTo(principal);
    const row = asked === undefined ? null : await this.instructions.findById(asked, scope);
    if (row === null) {
      noteNotFound(scope);
      throw instructionNotFound(id);
    }
    requireIn(principal, row.projectId);
    return row;
  }
}

export function instructionNotFound(id: string): DomainError {
  return new DomainError('instruction_not_found', `There is no instruction "${id}".`);
}
