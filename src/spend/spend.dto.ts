import { ApiProperty } from '@nestjs/swagger';
import { IsIn, IsOptional, Matches } from 'class-validator';
import { type ModelSpend, SPEND_GROUPS, type SpendGroup } from '../persistence/spend/spend.repository.js';
import { usdOf } from '../common/usd.js';

const DAY = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

/** What one model was used for. */
export class ModelSpendDto {
  @ApiProperty({ example: 'claude-opus-5-5' }) model: string;
  @ApiProperty({ type: 'integer' }) inputTokens: number;
  @ApiProperty({ type: 'integer' }) outputTokens: number;
  @ApiProperty({ type: 'integer' }) cacheReadTokens: number;
  @ApiProperty({ type: 'integer' }) cacheWriteTokens: number;
  @ApiProperty({ type: 'integer' }) webSearches: number;
  @ApiProperty({ type: 'integer', description: 'Answers of the API.' }) answers: number;
  @ApiProperty({
    type: 'integer',
    description: 'Of the answers, those that broke off before they said what they cost: their output is an estimate.',
  })
  estimatedAnswers: number;
  @ApiProperty({
    description:
      'False when the price of the model is not known: `usd` is then what the price list says for unknown ones.',
  })
  priced: boolean;
  @ApiProperty({ description: 'US dollars.' }) usd: number;
}

class SpentDto {
  @ApiProperty({ description: 'US dollars, exact to nine decimals.' }) usd: number;
  @ApiProperty({ type: [ModelSpendDto] }) byModel: ModelSpendDto[];
}

/** What a container or an instruction has spent on models. */
export class SpendDto extends SpentDto {
  @ApiProperty({ type: Number, nullable: true, description: 'null without a budget.' }) budgetUsd: number | null;
  @ApiProperty({
    description:
      'Whether the gateway counts what Claude Code in the container spends now. It does not where Claude Code uses a credential or an address of its own, or where the engine has no gateway.',
  })
  metered: boolean;
}

class ProjectBudgetsDto {
  @ApiProperty({ type: Number, nullable: true }) day: number | null;
  @ApiProperty({ type: Number, nullable: true }) month: number | null;
}

export class SpendItemDto extends SpentDto {
  @ApiProperty({
    type: String,
    nullable: true,
    description:
      'The day in UTC, or the id; null for what no instruction spent, and for containers and instructions of containers that were removed more than 90 days ago.',
  })
  key: string | null;
}

export class ProjectSpendDto extends SpentDto {
  @ApiProperty({ description: 'US dollars on this day in UTC, whatever the query is.' }) usdToday: number;
  @ApiProperty({ description: 'US dollars in this month in UTC, whatever the query is.' }) usdMonth: number;
  @ApiProperty({ type: ProjectBudgetsDto }) budgetUsd: ProjectBudgetsDto;
  @ApiProperty({ type: [SpendItemDto], description: 'The same sums by what `by` names.' }) items: SpendItemDto[];
}

export class ProjectSpendQuery {
  @ApiProperty({ enum: SPEND_GROUPS, required: false, default: 'day', description: 'How the items are made.' })
  @IsIn(SPEND_GROUPS)
  by: SpendGroup = 'day';

  @ApiProperty({ required: false, format: 'date', description: 'First day in UTC; this month begins by default.' })
  @IsOptional()
  @Matches(DAY, { message: 'since must be a day such as 2026-01-31' })
  since?: string;

  @ApiProperty({ required: false, format: 'date', description: 'Last day in UTC; today by default.' })
  @IsOptional()
  @Matches(DAY, { message: 'until must be a day such as 2026-01-31' })
  until?: string;
}

export function toSpent(models: ModelSpend[]): SpentDto {
  return {
    usd: usdOf(models.reduce((sum, { nanos }) => sum + nanos, 0)),
    byModel: models.map(({ model, nanos, isPriced, ...counts }) => ({
      model,
      inputTokens: counts.inputTokens,
      outputTokens: counts.outputTokens,
      cacheReadTokens: counts.cacheReadTokens,
      cacheWriteTokens: counts.cacheWriteTokens,
      webSearches: counts.webSearches,
      answers: counts.answers,
      estimatedAnswers: counts.estimatedAnswers,
      priced: isPriced,
      usd: usdOf(nanos),
    })),
  };
}
