import type { BudgetKind, StatusReason } from '../persistence/types.js';

const HOLDERS: Readonly<Record<BudgetKind, string>> = {
  instruction: 'the instruction',
  container: 'the container',
  project_day: 'the project for this day',
  project_month: 'the project for this month',
};

/** Why an instruction ended for which the gateway refused an answer. */
export function budgetExceeded(kind: BudgetKind): StatusReason {
  return { code: 'budget_exceeded', message: `The budget of ${HOLDERS[kind]} is used up.` };
}
