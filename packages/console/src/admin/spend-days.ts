export interface DaySpend {
  /** `2026-01-31` */
  day: string;
  usd: number;
}

/** Each day from the first to the last one, those without spend included. @param since, until days of UTC */
export function daysBetween(
  since: string,
  until: string,
  spent: readonly { key: string | null; usd: number }[],
): DaySpend[] {
  const known = new Map(spent.map(({ key, usd }) => [key?.slice(0, 10), usd]));
  const days: DaySpend[] = [];
  for (const date = new Date(since); date <= new Date(until); date.setUTCDate(date.getUTCDate() + 1)) {
    const day = date.toISOString().slice(0, 10);
    days.push({ day, usd: known.get(day) ?? 0 });
  }
  return days;
}

/** The day so many days before another one, in UTC. */
export function daysBefore(day: Date, count: number): string {
  return new Date(day.getTime() - count * 24 * 60 * 60_000).toISOString().slice(0, 10);
}
