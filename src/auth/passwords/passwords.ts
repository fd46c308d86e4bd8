import { Injectable } from '@nestjs/common';
import { NoPermitError, Semaphore } from '../../common/concurrency/semaphore.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { hashPassword, isOutdated, verifyPassword } from './password-hash.js';

/** Each hash keeps a thread of Node's pool busy, which files and name resolution need as well. */
const MAX_CONCURRENT = 2;
const MAX_WAITING = 20;
const MAX_WAIT_MS = 10_000;
const RETRY_AFTER_SECONDS = 5;

/** Hashes and verifies passwords, a few at a time. */
@Injectable()
export class Passwords {
  private readonly permits = new Semaphore(MAX_CONCURRENT, { maxWaiting: MAX_WAITING, maxWaitMs: MAX_WAIT_MS });
  /** The hash of no password. */
  private readonly placeholder = hashPassword(crypto.randomUUID());

  /** @throws DomainError `rate_limited` when too many are being hashed */
  async hash(password: string): Promise<string> {
    return this.limited(() => hashPassword(password));
  }

  /**
   * Takes the same time whether there is a hash or not.
   * @param hash null where nobody has a password
   * @throws DomainError `rate_limited`
   */
  async verify(password: string, hash: string | null): Promise<boolean> {
    const compared = hash ?? (await this.placeholder);
    const isRight = await this.limited(() => verifyPassword(password, compared));
    return isRight && hash !== null;
  }

  isOutdated(hash: string): boolean {
    return isOutdated(hash);
  }

  private async limited<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.permits.run(work);
    } catch (error) {
      if (!(error instanceof NoPermitError)) throw error;
      throw new DomainError('rate_limited', 'Too many sign-ins at once.', { retryAfterSeconds: RETRY_AFTER_SECONDS });
    }
  }
}
