export interface Summary {
  min: number;
  median: number;
  p95: number;
}

/** @throws Error for no values at all */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  return { min: quantile(sorted, 0), median: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
}

export function median(values: readonly number[]): number {
  return summarise(values).median;
}

/** Between two values, in proportion to how near each is. */
function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(position)], sorted[Math.ceil(position)]];
  if (below === undefined || above === undefined) throw new Error('There is nothing to summarise.');
  return below + (above - below) * (position - Math.floor(position));
}

/** Runs `work`. @returns how long it took, in milliseconds, and what it answered */
export async function timed<Result>(work: () => Promise<Result>): Promise<{ ms: number; result: Result }> {
  const startedAt = performance.now();
  const result = await work();
  return { ms: performance.now() - startedAt, result };
}
