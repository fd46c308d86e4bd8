import { Injectable } from '@nestjs/common';
import { Clock } from '../common/time/clock.js';
import { type RateLimitName, Settings } from '../config/settings.js';
import { type Rate, TokenBucket } from '../common/concurrency/token-bucket.js';

/** The answer of {@link RateLimiter.take}. */
export interface Allowance {
  readonly allowed: boolean;
  /** Actions that are possible at once. */
  readonly limit: number;
  /** Actions that are left of them now. */
  readonly remaining: number;
  /** Time until all of them are possible again. */
  readonly resetSeconds: number;
  /** Time until the next one is possible; 0 when it is now. */
  readonly retryAfterSeconds: number;
}

interface Account {
  readonly bucket: TokenBucket;
  /** What was taken here since the last exchange. */
  taken: number;
  /** What all processes together had taken at the last exchange; undefined before the first one. */
  total: number | undefined;
}

const UNLIMITED: Allowance = {
  allowed: true,
  limit: Infinity,
  remaining: Infinity,
  resetSeconds: 0,
  retryAfterSeconds: 0,
};
/** Accounts that are kept at most. Beyond that, the one is forgotten that was not used for the longest time. */
const MAX_ACCOUNTS = 20_000;

/**
 * Limits how often each principal does something. The decision takes no query: what was taken is exchanged with the other
 * processes at intervals, so that they limit a principal together.
 */
@Injectable()
export class RateLimiter {
  private readonly accounts = new Map<string, Account>();

  constructor(
    private readonly settings: Settings,
    private readonly clock: Clock,
  ) {}

  /** Counts an action of a principal, unless it goes beyond the limit. */
  take(name: RateLimitName, principalId: string, count = 1): Allowance {
    const rate = this.settings.rateLimits[name];
    if (rate === null) return UNLIMITED;
    const account = this.account(`${name}:${principalId}`, rate);
    const allowed = account.bucket.spend(count);
    if (allowed) account.taken += count;
    return {
      allowed,
      limit: rate.burst,
      remaining: Math.max(0, Math.floor(account.bucket.tokens)),
      resetSeconds: Math.ceil(account.bucket.secondsUntil(rate.burst)),
      retryAfterSeconds: allowed ? 0 : Math.max(1, Math.ceil(account.bucket.secondsUntil(count))),
    };
  }

  /**
   * Exchanges what was taken with the other processes.
   * @param add adds what was taken here to the totals, and returns these
   */
  async exchange(add: (taken: ReadonlyMap<string, number>) => Promise<Map<string, number>>): Promise<void> {
    const taken = new Map<string, number>();
    for (const [key, account] of this.accounts) {
      if (account.taken === 0 && account.bucket.isFull) this.accounts.delete(key);
      else taken.set(key, account.taken);
    }
    if (taken.size === 0) return;
    const totals = await add(taken);
    for (const [key, count] of taken) {
      const [account, total] = [this.accounts.get(key), totals.get(key)];
      if (account === undefined || total === undefined) continue;
      account.taken -= count;
      const byOthers = account.total === undefined ? 0 : total - account.total - count;
      // A total that shrank was deleted and begun anew.
      if (byOthers > 0) account.bucket.charge(byOthers);
      account.total = total;
    }
  }

  private account(key: string, rate: Rate): Account {
    const known = this.accounts.get(key);
    if (known !== undefined) {
      this.accounts.delete(key);
      this.accounts.set(key, known);
      return known;
    }
    if (this.accounts.size >= MAX_ACCOUNTS) this.accounts.delete(this.accounts.keys().next().value!);
    const account = { bucket: new TokenBucket(() => this.clock.now().getTime(), rate), taken: 0, total: undefined };
    this.accounts.set(key, account);
    return account;
  }
}
