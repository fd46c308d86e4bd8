import type { EngineRequest } from './engine-request.js';

/** before: the engine has not seen the request. after: the engine executed it and the answer is not passed back yet. */
export type When = 'before' | 'after';

/** One request that is held by the proxy. */
export class Hold {
  /** A request was chosen for it; with `after`, that one may still be on its way to the engine. */
  taken = false;
  private readonly arrival = Promise.withResolvers<EngineRequest>();
  private readonly verdict = Promise.withResolvers<'release' | 'drop'>();

  constructor(readonly when: When) {}

  /** Resolves when the request is held. @throws Error when none comes within `timeoutMs` */
  async reached(timeoutMs = 60_000): Promise<EngineRequest> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`No such request within ${timeoutMs} ms`)), timeoutMs);
    });
    return Promise.race([this.arrival.promise, late]).finally(() => clearTimeout(timer));
  }

  /** Passes it on, even when the client has disconnected. */
  release(): void {
    this.verdict.resolve('release');
  }

  /** Breaks its connection. With `before`, the engine never sees the request. */
  drop(): void {
    this.verdict.resolve('drop');
  }

  /** @internal by the proxy */
  arrive(request: EngineRequest): Promise<'release' | 'drop'> {
    this.arrival.resolve(request);
    return this.verdict.promise;
  }
}
