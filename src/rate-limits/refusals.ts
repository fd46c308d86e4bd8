import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { TokenBucket } from '../common/concurrency/token-bucket.js';

/** Refusals that are answered at once. */
const PROMPT = { burst: 20, perSecond: 10 };
/** How long others wait: a client that repeats without a pause is slowed down. */
const DELAY_MS = 500;
/** Requests that wait at a time. */
const MAX_WAITING = 2_000;

/** Delays the refusals of a flood, which would cost as much as what it asks for. */
@Injectable()
export class Refusals {
  private readonly prompt: TokenBucket;
  private waiting = 0;

  constructor(private readonly clock: Clock) {
    this.prompt = new TokenBucket(() => clock.now().getTime(), PROMPT);
  }

  async delay(): Promise<void> {
    if (this.prompt.spend() || this.waiting >= MAX_WAITING) return;
    this.waiting += 1;
    await this.clock.sleep(DELAY_MS).finally(() => (this.waiting -= 1));
  }
}
