import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { dayOf } from '../common/time/day-of.js';
import { nanosOf } from '../common/usd.js';
import type { SpendingRules, WorkspaceBudget } from '../drivers/workspace-spend.js';
import { ProjectsRepository } from '../persistence/auth/projects.repository.js';
import { SpendRepository } from '../persistence/spend/spend.repository.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { ModelPriceTable } from './model-price-table.js';

/** Whose budgets are kept. */
export type BudgetHolder = Pick<ContainerRow, 'id' | 'projectId' | 'budgetUsd'>;

/** What the gateway needs to count and to limit what a container spends. */
@Injectable()
export class SpendingRulesSource {
  constructor(
    private readonly spend: SpendRepository,
    private readonly projects: ProjectsRepository,
    private readonly clock: Clock,
    private readonly table: ModelPriceTable,
  ) {}

  async of({ id, projectId, budgetUsd }: BudgetHolder): Promise<SpendingRules> {
    const today = dayOf(this.clock.now());
    const [sums, project] = await Promise.all([
      this.spend.sums(id, projectId, today),
      this.projects.findById(projectId, [projectId]),
    ]);
    const { day, month } = project?.budgetUsd ?? {};
    const budgets = [
      ...sums.instructions.map((each) => budget('instruction', each.id, each.budgetUsd, each.nanos)),
      budget('container', id, budgetUsd, sums.container),
      budget('project_day', projectId, day, sums.day, today),
      budget('project_month', projectId, month, sums.month, today.slice(0, 7)),
    ].filter((each) => each !== undefined);
    return { project: projectId, prices: this.table.prices, budgets, marks: Object.fromEntries(sums.marks) };
  }
}

function budget(
  kind: WorkspaceBudget['kind'],
  id: string,
  usd: number | null | undefined,
  spent: number,
  period: string | null = null,
): WorkspaceBudget | undefined {
  return usd === null || usd === undefined
    ? undefined
    : { kind, key: `${kind}:${id}`, limit: nanosOf(usd), spent, period };
}
