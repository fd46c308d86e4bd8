import type { BudgetKind } from '../types.js';

/** What one model used for an answer. Money is in nano-dollars (10⁻⁹ USD). */
export interface SpentPart {
  model: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  webSearches: number;
  nanos: number;
  /** Whether the price of the model is known. */
  isPriced: boolean;
}

/** An answer that a container got, or was refused. */
export interface SpendEntry {
  seq: number;
  at: Date;
  instructionId: string | null;
  parts: SpentPart[];
  isEstimated: boolean;
  /** The budget for which it was refused. */
  refused: BudgetKind | null;
}

export interface SpendMark {
  journal: string;
  seq: number;
}

/** What all answers of one model used. */
export interface ModelSpend extends SpentPart {
  answers: number;
  estimatedAnswers: number;
}

export const SPEND_GROUPS = ['day', 'container', 'instruction', 'principal'] as const;
export type SpendGroup = (typeof SPEND_GROUPS)[number];

export interface SpendQuery {
  projectId?: string;
  containerId?: string;
  instructionId?: string;
  /** Days in UTC, `2026-01-31`; both included. */
  since?: string;
  until?: string;
}

/** What was spent so far, of what budgets count. */
export interface SpentSums {
  container: number;
  day: number;
  month: number;
  /** Of the container's instructions that have not ended and have a budget. */
  instructions: { id: string; budgetUsd: number; nanos: number }[];
  /** How far the journals of the project are included. */
  marks: Map<string, SpendMark>;
}

/** What was spent on models. */
export abstract class SpendRepository {
  /** @returns how far the container's journals are stored; null for a container that is not known */
  abstract mark(containerId: string): Promise<SpendMark | undefined | null>;
  /**
   * Adds up the entries of a journal that are not stored yet, and notes the refused ones at their instruction.
   * @returns those entries
   */
  abstract store(containerId: string, journal: string, entries: SpendEntry[]): Promise<SpendEntry[]>;
  /** As of one moment. @param day in UTC */
  abstract sums(containerId: string, projectId: string, day: string): Promise<SpentSums>;
  abstract byModel(query: SpendQuery): Promise<ModelSpend[]>;
  /**
   * The same for each day, container, instruction or principal. The key of an instruction is null for what none did; it and that of
   * a container are null for what was folded.
   */
  abstract grouped(query: SpendQuery, by: SpendGroup): Promise<(ModelSpend & { key: string | null })[]>;
  /** Nano-dollars of a project. */
  abstract ofProject(projectId: string, day: string): Promise<{ day: number; month: number }>;
  /**
   * Adds up what containers that are gone spent before a day: one row remains for each project, principal, day and model, in
   * which neither the containers nor their instructions are told apart.
   * @param limit of the rows that are added up
   * @returns how many were
   */
  abstract foldBefore(day: string, limit: number): Promise<number>;
  /** The budget that ended an instruction, if any. */
  abstract exceededBudget(instructionId: string): Promise<BudgetKind | null>;
}
