import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { PeriodicTask } from '../../common/concurrency/periodic-task.js';
import { Clock } from '../../common/time/clock.js';
import { InstructionEventsRepository } from '../../persistence/instructions/instruction-events.repository.js';
import { InstructionsRepository } from '../../persistence/instructions/instructions.repository.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { SocketSubscriptions } from '../../realtime/socket-subscriptions.js';
import type { TypedSocket } from '../../realtime/typed-socket.js';
import { InstructionView } from '../api/instruction-view.js';
import { InstructionChanges } from '../follow/instruction-changes.js';
import { POLL_MS } from './event-feed.js';
import { InstructionSubscription } from './instruction-subscription.js';
import type { InstructionRef } from './instruction-subscription.js';

const MAX_SUBSCRIPTIONS = 100;

interface WatchedSubscription {
  subscription: InstructionSubscription;
  unwatch: () => void;
}

/** The subscriptions of all sockets to instructions. Each one is notified when its instruction changes. */
@Injectable()
export class InstructionSubscriptions implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly subscriptions: SocketSubscriptions<WatchedSubscription>;
  private readonly poll: PeriodicTask;

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly events: InstructionEventsRepository,
    private readonly view: InstructionView,
    private readonly changes: InstructionChanges,
    clock: Clock,
    counters: SocketCounters,
  ) {
    this.subscriptions = new SocketSubscriptions(counters, {
      kind: 'instruction',
      max: MAX_SUBSCRIPTIONS,
      label: 'instruction subscriptions',
      release: ({ subscription, unwatch }) => {
        unwatch();
        subscription.close();
      },
    });
    this.poll = new PeriodicTask(clock, async () => this.checkAll(), { intervalMs: POLL_MS, onError: () => undefined });
  }

  /** Polls as well, since events of other processes may not arrive here. */
  onApplicationBootstrap(): void {
    this.poll.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.poll.stop();
  }

  /**
   * Sends the state and the events of an instruction to the socket. A repeated subscription starts over.
   * @param after `seq` of the last event that the client has
   * @throws DomainError `too_many_subscriptions`
   */
  start(socket: TypedSocket, { id, projectId }: InstructionRef, after: number): void {
    const added = this.subscriptions.add(socket, id, () => {
      const { instructions, events, view } = this;
      // A finished instruction must not count against the limit.
      const onEnd = (): void => this.end(socket, id);
      const dependencies = { instructions, events, view };
      const subscription = new InstructionSubscription(
        { id, projectId },
        after,
        socket.data.outbox,
        dependencies,
        onEnd,
      );
      return { subscription, unwatch: this.changes.watch(id, () => subscription.changed()) };
    });
    added?.subscription.changed();
  }

  end(socket: TypedSocket, id: string): void {
    this.subscriptions.end(socket, id);
  }

  endAll(socket: TypedSocket): void {
    this.subscriptions.endAll(socket);
  }

  private checkAll(): void {
    for (const { subscription } of this.subscriptions.values()) subscription.changed();
  }
}
