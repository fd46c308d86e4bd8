/** Whole nano-dollars (10⁻⁹ USD) for one token. */
export interface TokenRates {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
}

export interface ModelPrice extends TokenRates {
  /** Its id without a date, or with `*` at the end for every id that begins so. */
  model: string;
  /** For all tokens of an answer to a prompt with more tokens than that. */
  longPrompt?: TokenRates & { above: number };
  /** For answers of the fast mode. */
  fast?: TokenRates;
}

export interface ModelPrices {
  models: ModelPrice[];
  /** What a model costs that is not among them. */
  unknown: TokenRates;
  /** Nano-dollars for one search. */
  webSearch: number;
}

export type BudgetKind = 'instruction' | 'container' | 'project_day' | 'project_month';

export interface WorkspaceBudget {
  kind: BudgetKind;
  /** The kind, a colon, and the id of what it limits. */
  key: string;
  /** Nano-dollars. */
  limit: number;
  spent: number;
  /** The day or the month in UTC; null for the whole life. */
  period: string | null;
}

/** How answers of the model's API to a workspace are counted and limited. */
export interface SpendingRules {
  /** DevForge's id of its project. */
  project: string;
  prices: ModelPrices;
  budgets: WorkspaceBudget[];
  /** Up to which entry of each workspace's journal `spent` is complete. */
  marks: Record<string, { journal: string; seq: number }>;
}

/** What one model used for an answer. */
export interface SpentTokens {
  model: string;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  webSearches: number;
  nanos: number;
  /** Whether the price of the model is known. */
  isPriced: boolean;
}

/** An answer that a workspace got, or was refused. */
export interface SpendRecord {
  /** Counts the entries of a journal, from 1. */
  seq: number;
  at: string;
  instruction: string | null;
  parts: SpentTokens[];
  /** The answer broke off before it said what it cost. */
  isEstimated: boolean;
  refused?: BudgetKind;
}

export interface SpendRecords {
  /** The journal of the workspace; another one when the gateway has lost the one before. */
  journal: string;
  /** In order, the oldest first. */
  entries: SpendRecord[];
}
