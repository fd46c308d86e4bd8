import type { components } from '@devforge/contract';

export type Problem = components['schemas']['Problem'];

/** A request that did not succeed. */
export class ApiError extends Error {
  override readonly name = 'ApiError';

  /** @param problem what the server said; null when it did not answer */
  constructor(
    readonly problem: Problem | null,
    readonly status: number,
  ) {
    super(problem === null ? 'DevForge does not answer.' : problem.detail || problem.title);
  }

  get code(): string | null {
    return this.problem?.code ?? null;
  }
}

/** Whether the server could not be reached, as while it is started again. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.problem === null;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The messages at each field of a request, by its path, and by its name up to the first index. */
export function fieldErrors(error: unknown): Record<string, string> {
  const errors = error instanceof ApiError ? (error.problem?.errors ?? []) : [];
  const result: Record<string, string> = {};
  for (const { field, messages } of errors) {
    for (const name of new Set([field, field.split(/[.[]/, 1)[0]!]))
      result[name] = [result[name], ...messages].filter((text) => text !== undefined).join('; ');
  }
  return result;
}
