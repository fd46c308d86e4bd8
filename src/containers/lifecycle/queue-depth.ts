import { Injectable } from '@nestjs/common';
import { DomainError } from '../../common/errors/domain-error.js';
import { Settings } from '../../config/settings.js';
import { ContainersRepository, type QueueLimit } from '../../persistence/containers/containers.repository.js';
import { PROVISIONING } from './state-table.js';

const RETRY_AFTER_SECONDS = 10;

/** Limits how many containers of a principal are made at a time. */
@Injectable()
export class QueueDepth {
  /** undefined without a limit */
  readonly limit: QueueLimit | undefined;

  constructor(
    { concurrencyLimits: { queued } }: Settings,
    private readonly containers: ContainersRepository,
  ) {
    this.limit = queued === Infinity ? undefined : { states: PROVISIONING, max: queued };
  }

  /** @throws DomainError `rate_limited` while no other container may be made */
  async require(ownerId: string): Promise<void> {
    if (this.limit === undefined) return;
    const { states, max } = this.limit;
    if ((await this.containers.countInStates(ownerId, states)) >= max) throw this.full();
  }

  full(): DomainError {
    const message = `${this.limit?.max} containers are being made already. Wait until some of them run.`;
    return new DomainError('rate_limited', message, { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
}
