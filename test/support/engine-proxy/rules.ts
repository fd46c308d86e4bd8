import { setTimeout as sleep } from 'node:timers/promises';
import type { EngineRequest, RequestMatcher } from './engine-request.js';
import { Hold, type When } from './hold.js';

/** The answer that a request gets from the proxy itself. */
export interface Failure {
  status: number;
  message: string;
}

/** What becomes of a request: `failure` answers it, `dropped` breaks its connection, `hold` keeps back the engine's answer. */
export interface Verdict {
  failure?: Failure;
  dropped?: boolean;
  hold?: Hold;
}

/** What is to happen to which requests, in the order of the calls. */
export class Rules {
  private holds: { matches: RequestMatcher; hold: Hold }[] = [];
  private failures: { matches: RequestMatcher; failure: Failure }[] = [];
  private delays: { matches: RequestMatcher; ms: number }[] = [];

  hold(matches: RequestMatcher, when: When): Hold {
    const hold = new Hold(when);
    this.holds.push({ matches, hold });
    return hold;
  }

  fail(matches: RequestMatcher, failure: Failure): void {
    this.failures.push({ matches, failure });
  }

  delay(matches: RequestMatcher, ms: number): void {
    this.delays.push({ matches, ms });
  }

  /** Forgets all rules. What is held has its connection broken. */
  reset(): void {
    for (const { hold } of this.holds.splice(0)) hold.drop();
    this.failures = [];
    this.delays = [];
  }

  /** Resolves when the request may go on to the engine, or is decided. */
  async apply(request: EngineRequest): Promise<Verdict> {
    const failure = this.failures.find(({ matches }) => matches(request))?.failure;
    if (failure !== undefined) return { failure };
    const hold = this.takeHold(request);
    const delay = this.delays.find(({ matches }) => matches(request));
    if (delay !== undefined) await sleep(delay.ms);
    if (hold?.when === 'before') return { dropped: (await hold.arrive(request)) === 'drop' };
    return { hold };
  }

  private takeHold(request: EngineRequest): Hold | undefined {
    const hold = this.holds.find((rule) => !rule.hold.taken && rule.matches(request))?.hold;
    if (hold !== undefined) hold.taken = true;
    return hold;
  }
}
