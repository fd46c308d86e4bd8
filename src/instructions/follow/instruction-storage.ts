import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { Clock } from '../../common/time/clock.js';
import { Settings } from '../../config/settings.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';

const MEASURE_INTERVAL_MS = 10_000;

/** How much the output of all instructions takes in the database, and whether there is room for more. */
@Injectable()
export class InstructionStorage {
  private used = 0;
  private measuredAt: number | undefined;

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly clock: Clock,
    private readonly settings: Settings,
  ) {}

  /** Counts bytes that this process has stored since the last measurement. */
  add(bytes: number): void {
    this.used += bytes;
  }

  /** @throws DomainError `instruction_storage_full` */
  async requireRoom(): Promise<void> {
    const { storageBytes } = this.settings.instructionOutput;
    if (storageBytes === 0) return;
    const now = this.clock.now().getTime();
    if (this.measuredAt === undefined || Math.abs(now - this.measuredAt) >= MEASURE_INTERVAL_MS) {
      this.measuredAt = now;
      try {
        this.used = await this.instructions.storedBytes();
      } catch (error) {
        this.measuredAt = undefined;
        throw error;
      }
    }
    if (this.used >= storageBytes)
      throw new DomainError(
        'instruction_storage_full',
        'The output of instructions takes all of INSTRUCTION_STORAGE_MB: delete containers, whose instructions go with them, or raise it.',
      );
  }
}
