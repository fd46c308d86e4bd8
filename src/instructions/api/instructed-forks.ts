import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainerView } from '../../containers/container-view.js';
import { ContainersService } from '../../containers/containers.service.js';
import type { ContainerDto } from '../../containers/dto/container.dto.js';
import { ContainerForks } from '../../containers/snapshots/container-forks.js';
import type { ForkContainerDto } from './dto/fork-container.dto.js';
import { InstructionsService } from './instructions.service.js';

/** Makes copies of containers, each with an instruction. */
@Injectable()
export class InstructedForks {
  constructor(
    private readonly containers: ContainersService,
    private readonly forks: ContainerForks,
    private readonly instructions: InstructionsService,
    private readonly view: ContainerView,
  ) {}

  /** @param reference id or name @throws DomainError `no_claude_code`, and as a new container or an instruction is refused */
  async fork(
    principal: Principal,
    reference: string,
    { count, instruction }: ForkContainerDto,
  ): Promise<ContainerDto[]> {
    const container = await this.containers.find(principal, reference);
    if (instruction !== undefined && container.template === 'vscode')
      throw new DomainError('no_claude_code', 'The template "vscode" does not include Claude Code.');
    const copies = await this.forks.fork(principal, container, count);
    // It waits until the copy runs.
    const waiting = instruction && Object.assign(instruction, { startIfStopped: true });
    if (waiting !== undefined) for (const { id } of copies) await this.instructions.create(principal, id, waiting);
    return this.view.many(copies);
  }
}
