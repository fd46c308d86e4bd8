import { Injectable } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { withTimeout } from '../../common/concurrency/with-timeout.js';
import type { InstructionEnd, InstructionRow } from '../../persistence/instructions/instructions.repository.js';
import { SpendRepository } from '../../persistence/spend/spend.repository.js';
import { budgetExceeded } from '../../spend/budget-end.js';
import { SpendCollector } from '../../spend/spend-collector.js';

/** The gateway answers at once; without it an instruction ends all the same. */
const TIMEOUT_MS = 5_000;

/** Stores what an instruction has spent when it ends, and says so where it failed for a budget. */
@Injectable()
export class BudgetEnds {
  constructor(
    private readonly collector: SpendCollector,
    private readonly spend: SpendRepository,
    @InjectPinoLogger(BudgetEnds.name) private readonly logger: PinoLogger,
  ) {}

  async apply({ id, containerId }: InstructionRow, end: InstructionEnd): Promise<InstructionEnd> {
    try {
      await withTimeout(this.collector.collect(containerId), TIMEOUT_MS);
    } catch (error) {
      this.logger.warn({ err: error, instructionId: id }, 'What an instruction has spent is stored later');
    }
    if (end.status !== 'failed') return end;
    const exceeded = await this.spend.exceededBudget(id);
    return exceeded === null ? end : { ...end, reason: budgetExceeded(exceeded) };
  }
}
