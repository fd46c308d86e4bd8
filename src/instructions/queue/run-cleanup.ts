import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { RunnerClient, type RunRef } from '../runner/runner-client.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** What is to be done in the container when an instruction is over. None of it is needed for it to be over. */
@Injectable()
export class RunCleanup {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    private readonly changes: InstructionChanges,
    @InjectPinoLogger(RunCleanup.name) private readonly logger: PinoLogger,
  ) {}

  changed(row: InstructionRow): void {
    this.changes.moved(row);
  }

  /** Its events are stored: the runner's copy only takes up the container's disk. */
  async cleanUp(row: InstructionRow): Promise<void> {
    await this.inContainer(row, (place) => this.runner.forget(place));
  }

  /** It is given up: what may still run of it makes room for the next one. */
  async abandon(row: InstructionRow): Promise<void> {
    await this.inContainer(row, (place) => this.runner.cancel(place));
  }

  private async inContainer(
    { id, containerId }: InstructionRow,
    work: (place: RunRef) => Promise<void>,
  ): Promise<void> {
    try {
      const container = await this.containers.findById(containerId);
      if (container?.status === 'running' && container.runtimeId !== null)
        await work({ workspace: workspaceOf(container), instructionId: id });
    } catch (error) {
      this.logger.debug({ err: error, instructionId: id }, 'A run could not be cleared away');
    }
  }
}
