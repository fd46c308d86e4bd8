import { EngineError } from '../docker/engine/container-engine.js';

/** The calls of the port, by the part they belong to. */
export type FakeCall =
  | `engine.${'ping' | 'info' | 'watch'}`
  | `containers.${'create' | 'start' | 'stop' | 'pause' | 'unpause' | 'remove' | 'inspect' | 'list' | 'exec' | 'open' | 'logs' | 'usage' | 'writableLayerBytes'}`
  | `images.${'exists' | 'pull' | 'build' | 'remove'}`
  | `volumes.${'list' | 'exists' | 'remove'}`
  | `networks.${'ensureIsolatedBridge' | 'remove'}`;

/** What a test makes go wrong at the fake engine. */
export class FakeFaults {
  /** Every call that was made, in order, those that failed too. */
  readonly calls: FakeCall[] = [];
  private away = false;
  private halve = false;
  private readonly planned = new Map<FakeCall, EngineError[]>();
  private readonly onAway = new Set<() => void>();

  /** From now on every call is `unavailable` and event streams break. */
  goAway(): void {
    this.away = true;
    for (const listener of this.onAway) listener();
  }

  comeBack(): void {
    this.away = false;
  }

  /** The next call of that name rejects; planning twice fails the next two. */
  failNext(call: FakeCall, error: EngineError): void {
    this.planned.set(call, [...(this.planned.get(call) ?? []), error]);
  }

  /** The next list, of containers or volumes, shows its first half alone. */
  halveNextList(): void {
    this.halve = true;
  }

  whenAway(listener: () => void): () => void {
    this.onAway.add(listener);
    return () => this.onAway.delete(listener);
  }

  /** Every call passes here first. @throws RuntimeError when it is to fail */
  async pass(call: FakeCall): Promise<void> {
    this.calls.push(call);
    await Promise.resolve();
    if (this.away) throw new EngineError('unavailable', `${call}: the engine is away`);
    const error = this.planned.get(call)?.shift();
    if (error !== undefined) throw error;
  }

  listed<Item>(items: Item[]): Item[] {
    const half = this.halve;
    this.halve = false;
    return half ? items.slice(0, Math.floor(items.length / 2)) : items;
  }
}

/** Whether the labels match a filter: `name` or `name=value`. */
export function carries(labels: Record<string, string>, filter: string): boolean {
  const at = filter.indexOf('=');
  return at < 0 ? filter in labels : labels[filter.slice(0, at)] === filter.slice(at + 1);
}
