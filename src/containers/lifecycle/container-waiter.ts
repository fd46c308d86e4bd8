import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { DomainEvents } from '../../events/domain-events.js';
import { type ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { PROVISIONING } from './state-table.js';

/** Another process may do the work, whose events may not arrive here. */
const POLL_MS = 500;

/** Waits until a container is provisioned. */
@Injectable()
export class ContainerWaiter implements OnModuleDestroy {
  private readonly stopped = new AbortController();

  constructor(
    private readonly containers: ContainersRepository,
    private readonly events: DomainEvents,
  ) {}

  /** Ends all waiting, so that the server can close. */
  onModuleDestroy(): void {
    this.stopped.abort();
  }

  /** @returns the container once no job works on it any more, or as it is after `waitMs` or when the client disconnects */
  async untilSettled(
    { id, projectId }: Pick<ContainerRow, 'id' | 'projectId'>,
    waitMs: number,
    clientSignal: AbortSignal,
  ): Promise<ContainerRow | null> {
    const until = AbortSignal.any([clientSignal, this.stopped.signal, AbortSignal.timeout(waitMs)]);
    for (;;) {
      const changed = this.nextChange(id, until);
      const row = await this.containers.findById(id, [projectId]);
      if (row === null || !PROVISIONING.includes(row.status) || until.aborted) {
        changed.cancel();
        return row;
      }
      await changed.happened;
    }
  }

  private nextChange(id: string, until: AbortSignal): { happened: Promise<void>; cancel: () => void } {
    let cancel = (): void => undefined;
    const happened = new Promise<void>((resolve) => {
      const timer = setTimeout(() => cancel(), POLL_MS);
      const unsubscribe = this.events.on('container.changed', ({ containerId }) => {
        if (containerId === id) cancel();
      });
      cancel = (): void => {
        clearTimeout(timer);
        unsubscribe();
        until.removeEventListener('abort', cancel);
        resolve();
      };
      until.addEventListener('abort', cancel);
    });
    return { happened, cancel: () => cancel() };
  }
}
