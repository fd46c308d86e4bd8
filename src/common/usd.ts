/** Nano-dollars (10⁻⁹ USD) of a dollar: money is added up in them, so that sums are exact. */
const NANOS = 1_000_000_000;

export function usdOf(nanos: number): number {
  return nanos / NANOS;
}

export function nanosOf(usd: number): number {
  return Math.round(usd * NANOS);
}
