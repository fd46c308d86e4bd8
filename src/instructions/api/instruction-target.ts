import { Injectable } from '@nestjs/common';
import type { Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { ContainerActivity } from '../../containers/activity/container-activity.js';
import { ContainersService } from '../../containers/containers.service.js';
import { ContainerLifecycleService } from '../../containers/lifecycle/container-lifecycle.service.js';
import { PROVISIONING } from '../../containers/lifecycle/state-table.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';

/** The containers that new instructions are for. */
@Injectable()
export class InstructionTarget {
  constructor(
    private readonly containers: ContainersService,
    private readonly lifecycle: ContainerLifecycleService,
    private readonly activity: ContainerActivity,
  ) {}

  /** @param reference id or name */
  find(principal: Principal, reference: string): Promise<ContainerRow> {
    return this.containers.find(principal, reference);
  }

  /**
   * Starts a container that was stopped because nobody used it, and any other where that was asked for. It is not stopped
   * for lack of use while the instruction is stored.
   * @throws DomainError `invalid_state`
   */
  async requireRunning(found: ContainerRow, startIfStopped: boolean): Promise<void> {
    const container = await this.activity.begin(found, 'instruction');
    const { status } = container;
    if (status === 'running') return;
    if (!startIfStopped || status === 'deleting')
      throw new DomainError('invalid_state', `The container is ${status}; instructions need a running container.`, {
        extensions: { currentStatus: status },
      });
    if (!PROVISIONING.includes(status)) await this.lifecycle.start(container);
  }
}
