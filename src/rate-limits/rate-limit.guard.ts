import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import {
  getOptionsToken,
  getStorageToken,
  ThrottlerGuard,
  type ThrottlerLimitDetail,
  type ThrottlerModuleOptions,
  type ThrottlerStorage,
} from '@nestjs/throttler';
import type { AuthenticatedRequest } from '../auth/requires.js';
import { DomainError } from '../common/errors/domain-error.js';
import { Refusals } from './refusals.js';
import { Turns } from './turns.js';

/** Limits the requests of each authenticated principal, those that are refused afterwards included. Strangers are refused before. */
@Injectable()
export class RateLimitGuard extends ThrottlerGuard {
  protected override headerPrefix = 'RateLimit';

  constructor(
    @Inject(getOptionsToken()) options: ThrottlerModuleOptions,
    @Inject(getStorageToken()) storage: ThrottlerStorage,
    reflector: Reflector,
    private readonly refusals: Refusals,
    private readonly turns: Turns,
  ) {
    super(options, storage, reflector);
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const isAllowed = await super.canActivate(context);
    const { identity, res } = context.getType() === 'http' ? requestOf(context) : {};
    if (identity !== undefined && res !== undefined) await this.turns.wait(identity.id, res);
    return isAllowed;
  }

  protected override async shouldSkip(context: ExecutionContext): Promise<boolean> {
    return context.getType() !== 'http' || requestOf(context).identity === undefined;
  }

  protected override async getTracker(request: Record<string, unknown>): Promise<string> {
    return (request as unknown as AuthenticatedRequest).identity!.id;
  }

  protected override generateKey(_context: ExecutionContext, tracker: string): string {
    return tracker;
  }

  protected override async throwThrottlingException(
    _context: ExecutionContext,
    { timeToBlockExpire }: ThrottlerLimitDetail,
  ): Promise<void> {
    await this.refusals.delay();
    throw new DomainError('rate_limited', `Too many requests. Try again in ${timeToBlockExpire} s.`, {
      retryAfterSeconds: timeToBlockExpire,
    });
  }
}

function requestOf(context: ExecutionContext): AuthenticatedRequest {
  return context.switchToHttp().getRequest<AuthenticatedRequest>();
}
