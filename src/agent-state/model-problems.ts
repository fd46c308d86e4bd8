import { Injectable } from '@nestjs/common';
import type { ModelProblem } from '../drivers/workspace-egress.js';
import { DomainEvents } from '../events/domain-events.js';
import type { ModelProblemDto } from './agent.dto.js';

/** What keeps the model's API from answering workspaces, in memory: the gateway reports it again after a restart. */
@Injectable()
export class ModelProblems {
  /** Also of containers of other servers that share the gateway. */
  private readonly problems = new Map<string, ModelProblemDto>();

  constructor(private readonly events: DomainEvents) {
    events.on('container.removed', ({ containerId }) => void this.problems.delete(containerId));
  }

  get all(): ReadonlyMap<string, ModelProblemDto> {
    return this.problems;
  }

  /** @param problem null once the API has answered */
  report(containerId: string, problem: ModelProblem | null): void {
    const before = this.problems.get(containerId);
    if (problem === null) this.problems.delete(containerId);
    else this.problems.set(containerId, { ...problem, at: problem.at.toISOString() });
    // Repeats change the time alone, and are no news.
    if (before?.reason !== problem?.reason || before?.status !== problem?.status)
      this.events.emit('agent.changed', { containerId });
  }

  /** Before everything is reported anew. */
  clear(): void {
    const ids = [...this.problems.keys()];
    this.problems.clear();
    for (const containerId of ids) this.events.emit('agent.changed', { containerId });
  }
}
