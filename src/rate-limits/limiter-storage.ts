import { Injectable } from '@nestjs/common';
import type { ThrottlerStorage } from '@nestjs/throttler';
import type { RateLimitName } from '../config/settings.js';
import { RateLimiter } from './rate-limiter.js';

type ThrottlerStorageRecord = Awaited<ReturnType<ThrottlerStorage['increment']>>;

/** The state of the throttler's limits: token buckets that the processes share. */
@Injectable()
export class LimiterStorage implements ThrottlerStorage {
  constructor(private readonly limiter: RateLimiter) {}

  /** @param principalId the tracker of the throttler */
  async increment(
    principalId: string,
    _ttl: number,
    _limit: number,
    _blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerStorageRecord> {
    const name: RateLimitName = throttlerName === 'default' ? 'requests' : (throttlerName as RateLimitName);
    const { allowed, limit, remaining, resetSeconds, retryAfterSeconds } = this.limiter.take(name, principalId);
    return {
      totalHits: limit - remaining,
      timeToExpire: resetSeconds,
      isBlocked: !allowed,
      timeToBlockExpire: retryAfterSeconds,
    };
  }
}
