import { Injectable } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { DomainError } from '../../common/errors/domain-error.js';
import { Clock } from '../../common/time/clock.js';
import { SignInFailuresRepository } from '../../persistence/auth/users/sign-in-failures.repository.js';

const WINDOW_MS = 60_000;
/** Of an account, and of an address. */
const MAX_FAILURES = 10;

/** Limits how often a sign-in may fail, over all replicas. */
@Injectable()
export class SignInLimit {
  constructor(
    private readonly failures: SignInFailuresRepository,
    private readonly clock: Clock,
  ) {}

  /**
   * Counts an attempt as failed before it is made, so that attempts at the same time are not more than the limit.
   * @param account in the form that makes equal accounts equal, whether it exists or not; undefined when it is not known yet
   * @returns takes the failure back, after a success
   * @throws DomainError `rate_limited`
   */
  async begin(address: string, account?: string): Promise<() => Promise<void>> {
    const now = this.clock.now();
    const counted: { key: string; windowStart: Date }[] = [];
    const takeBack = async (): Promise<void> => {
      for (const { key, windowStart } of counted) await this.failures.takeBack(key, windowStart);
    };
    const keys = [keyOf('address', address), ...(account === undefined ? [] : [keyOf('account', account)])];
    for (const key of keys) {
      const { count, windowStart } = await this.failures.add(key, now, WINDOW_MS);
      if (count > MAX_FAILURES) {
        await takeBack();
        throw new DomainError('rate_limited', 'Too many failed sign-ins.', {
          retryAfterSeconds: secondsUntilEnd(windowStart, now),
        });
      }
      counted.push({ key, windowStart });
    }
    return takeBack;
  }
}

/** The window may have been begun by an attempt that came later and was faster. */
function secondsUntilEnd(windowStart: Date, now: Date): number {
  const ms = windowStart.getTime() + WINDOW_MS - now.getTime();
  return Math.ceil(Math.min(Math.max(ms, 1), WINDOW_MS) / 1_000);
}

/** People type passwords where their name belongs. */
function keyOf(kind: string, value: string): string {
  return createHash('sha256').update(`${kind} ${value}`).digest('hex');
}
