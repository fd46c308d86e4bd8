import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { dayOf } from '../common/time/day-of.js';
import { usdOf } from '../common/usd.js';
import type { ProjectRow } from '../persistence/auth/projects.repository.js';
import { type ModelSpend, SpendRepository } from '../persistence/spend/spend.repository.js';
import { type ProjectSpendDto, type ProjectSpendQuery, type SpendDto, toSpent } from './spend.dto.js';

/** What was spent, for clients. */
@Injectable()
export class SpendReports {
  constructor(
    private readonly spend: SpendRepository,
    private readonly clock: Clock,
  ) {}

  async ofContainer(id: string, budgetUsd: number | null, metered: boolean): Promise<SpendDto> {
    return { ...toSpent(await this.spend.byModel({ containerId: id })), budgetUsd, metered };
  }

  async ofInstruction(id: string, budgetUsd: number | null, metered: boolean): Promise<SpendDto> {
    return { ...toSpent(await this.spend.byModel({ instructionId: id })), budgetUsd, metered };
  }

  async ofProject({ id, budgetUsd }: ProjectRow, query: ProjectSpendQuery): Promise<ProjectSpendDto> {
    const today = dayOf(this.clock.now());
    const { by, since = `${today.slice(0, 7)}-01`, until = today } = query;
    const wanted = { projectId: id, since, until };
    const [models, grouped, sums] = await Promise.all([
      this.spend.byModel(wanted),
      this.spend.grouped(wanted, by),
      this.spend.ofProject(id, today),
    ]);
    const groups = Map.groupBy<string | null, ModelSpend & { key: string | null }>(grouped, ({ key }) => key);
    return {
      ...toSpent(models),
      usdToday: usdOf(sums.day),
      usdMonth: usdOf(sums.month),
      budgetUsd: { day: budgetUsd.day ?? null, month: budgetUsd.month ?? null },
      items: [...groups].map(([key, items]) => ({ key, ...toSpent(items) })),
    };
  }
}
