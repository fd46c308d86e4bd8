import { DriverError } from '../driver-error.js';

/** Failures that a test injects into the calls of a fake. */
export class FakeFaults<Call extends string> {
  /** Every call that was made, in order, failed ones included. */
  readonly calls: Call[] = [];
  private away = false;
  private halve = false;
  private readonly planned = new Map<Call, DriverError[]>();
  private readonly onAway = new Set<() => void>();

  /** From now on every call is `unavailable`, and event streams break. */
  goAway(): void {
    this.away = true;
    for (const listener of this.onAway) listener();
  }

  comeBack(): void {
    this.away = false;
  }

  /** The next call of that name rejects; planning twice fails the next two. */
  failNext(call: Call, error: DriverError): void {
    this.planned.set(call, [...(this.planned.get(call) ?? []), error]);
  }

  /** The next list contains only its first half. */
  halveNextList(): void {
    this.halve = true;
  }

  whenAway(listener: () => void): () => void {
    this.onAway.add(listener);
    return () => this.onAway.delete(listener);
  }

  /** Every call of the fake begins with this. @throws DriverError when it is to fail */
  async pass(call: Call): Promise<void> {
    this.calls.push(call);
    await Promise.resolve();
    if (this.away) throw new DriverError('unavailable', `${call}: the engine is away`);
    const error = this.planned.get(call)?.shift();
    if (error !== undefined) throw error;
  }

  listed<Item>(items: Item[]): Item[] {
    const half = this.halve;
    this.halve = false;
    return half ? items.slice(0, Math.floor(items.length / 2)) : items;
  }
}
