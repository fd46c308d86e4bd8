import { Injectable } from '@nestjs/common';
import { AgentStates } from '../../agent-state/agent-states.js';
import { Clock } from '../../common/time/clock.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { LatestMetrics } from '../../usage/latest-metrics.js';
import { judge, type Verdict } from './idleness.js';

/** Judges running containers by what is known of them now. */
@Injectable()
export class ContainerObservations {
  constructor(
    private readonly agents: AgentStates,
    private readonly metrics: LatestMetrics,
    private readonly instructions: InstructionsRepository,
    private readonly clock: Clock,
  ) {}

  /** Whether an instruction is queued or runs, or an agent is at work, also when that is not known. */
  async isWorking(row: ContainerRow): Promise<boolean> {
    const agent = this.agents.of(row);
    return agent === null || agent.state === 'working' || this.instructions.hasUnfinished(row.id);
  }

  async judge(row: ContainerRow): Promise<Verdict> {
    const sample = this.metrics.latest(row.id);
    return judge({
      now: this.clock.now(),
      row,
      agent: this.agents.of(row),
      hasInstructions: await this.instructions.hasUnfinished(row.id),
      cpu: sample === undefined ? null : { percent: sample.cpu.percent, at: new Date(sample.timestamp) },
    });
  }
}
