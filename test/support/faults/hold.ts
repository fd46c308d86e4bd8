import type { GateRequest } from './engine-gate.js';

/** before: the engine has not seen it. after: the engine did it, and nobody knows yet. */
export type When = 'before' | 'after';

/** One request that stands still. */
export class Hold {
  /** A request was chosen for it, and may still be on its way to the engine when it is held after. */
  taken = false;
  private readonly arrival = Promise.withResolvers<GateRequest>();
  private readonly verdict = Promise.withResolvers<'release' | 'drop'>();

  constructor(readonly when: When) {}

  /** Resolves when the request stands here. */
  async reached(timeoutMs = 60_000): Promise<GateRequest> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No such request within ${timeoutMs} ms`)), timeoutMs);
    });
    return Promise.race([this.arrival.promise, late]).finally(() => clearTimeout(timer));
  }

  /** Lets it go on, even when whoever sent it is gone by now. */
  release(): void {
    this.verdict.resolve('release');
  }

  /** Breaks its connection; the engine never sees it, if it has not yet. */
  drop(): void {
    this.verdict.resolve('drop');
  }

  /** @internal by the gate */
  arrive(request: GateRequest): Promise<'release' | 'drop'> {
    this.arrival.resolve(request);
    return this.verdict.promise;
  }
}
