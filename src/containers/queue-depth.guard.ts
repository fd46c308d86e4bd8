import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { AuthenticatedRequest } from '../auth/requires.js';
import { DomainError } from '../common/errors/domain-error.js';
import { Settings } from '../config/settings.js';
import { ContainersRepository } from '../persistence/containers/containers.repository.js';
import { PROVISIONING } from './lifecycle/state-table.js';

const RETRY_AFTER_SECONDS = 10;

/**
 * Refuses further containers of a principal as long as very many of its others are being made, before anything is done for
 * them. Those that arrive at the same time are counted when they are stored.
 */
@Injectable()
export class QueueDepthGuard implements CanActivate {
  constructor(
    private readonly settings: Settings,
    private readonly containers: ContainersRepository,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { principal } = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const { queued } = this.settings.concurrencyLimits;
    if (principal === undefined || queued === Infinity) return true;
    if ((await this.containers.countInStates(principal.id, PROVISIONING)) < queued) return true;
    throw queueFull(queued);
  }
}

export function queueFull(queued: number): DomainError {
  return new DomainError('rate_limited', `${queued} containers are being made already. Wait until some of them run.`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  });
}
