import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { RunnerClient, type RunRef } from '../runner/runner-client.js';
import { workspaceOf } from '../../workspace/workspace-ref.js';

/** Cleans up after runs in their containers, as far as that is possible: no instruction depends on it to end. */
@Injectable()
export class RunCleanup {
  constructor(
    private readonly containers: ContainersRepository,
    private readonly runner: RunnerClient,
    @InjectPinoLogger(RunCleanup.name) private readonly logger: PinoLogger,
  ) {}

  /** Removes the runner's files of a finished run, whose events are in the database. */
  async removeRun(row: InstructionRow): Promise<void> {
    await this.inContainer(row, (run) => this.runner.forget(run));
  }

  /** Ends a run that is no longer followed, so that the next instruction has the container to itself. */
  async cancelRun(row: InstructionRow): Promise<void> {
    await this.inContainer(row, (run) => this.runner.cancel(run));
  }

  private async inContainer(
    { id, containerId, projectId }: InstructionRow,
    work: (run: RunRef) => Promise<void>,
  ): Promise<void> {
    try {
      const container = await this.containers.findById(containerId, [projectId]);
      if (container?.status === 'running' && container.runtimeId !== null)
        await work({ workspace: workspaceOf(container), instructionId: id });
    } catch (error) {
      this.logger.debug({ err: error, instructionId: id }, 'The cleanup of a run failed');
    }
  }
}
