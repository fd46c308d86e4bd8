import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { ModelProblemDto } from '../agent-state/agent.dto.js';
import { ModelProblems } from '../agent-state/model-problems.js';
import { Clock } from '../common/time/clock.js';
import { ContainersRepository } from '../persistence/containers/containers.repository.js';

/** How long a problem counts that passes by itself; nobody may ask again for a long time. */
const PASSING_MS = 15 * 60_000;
const TEXTS: Record<ModelProblemDto['reason'], string> = {
  credential_refused: 'refuses the credential',
  rate_limited: 'limits the rate',
  overloaded: 'is overloaded',
  failed: 'fails',
  unreachable: 'cannot be reached',
};

/** Reports that the model's API does not answer running containers. DevForge works all the same, so it is never down for that. */
@Injectable()
export class ModelApiIndicator {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly problems: ModelProblems,
    private readonly containers: ContainersRepository,
    private readonly clock: Clock,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    const session = this.indicator.check('modelApi');
    const counts = await this.counts();
    if (counts.size === 0) return session.up();
    const message = [...counts]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([reason, count]) => `${TEXTS[reason]} (${count} ${count === 1 ? 'container' : 'containers'})`)
      .join(', ');
    return session.degraded({ message: `the API of the model ${message}` });
  }

  private async counts(): Promise<Map<ModelProblemDto['reason'], number>> {
    const counts = new Map<ModelProblemDto['reason'], number>();
    const { all } = this.problems;
    if (all.size === 0) return counts;
    // Without the database, which another indicator reports, nobody knows whose containers they are.
    const rows = await this.containers.listAll().catch(() => []);
    const earliest = this.clock.now().getTime() - PASSING_MS;
    for (const { id, status } of rows) {
      const problem = all.get(id);
      if (problem === undefined || status !== 'running') continue;
      if (problem.reason !== 'credential_refused' && Date.parse(problem.at) < earliest) continue;
      counts.set(problem.reason, (counts.get(problem.reason) ?? 0) + 1);
    }
    return counts;
  }
}
