import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { AgentStates } from '../agent-state/agent-states.js';
import { PeriodicTask } from '../common/concurrency/periodic-task.js';
import { Clock } from '../common/time/clock.js';
import { DomainEvents } from '../events/domain-events.js';
import {
  type InstructionActivity,
  InstructionsRepository,
} from '../persistence/instructions/instructions.repository.js';
import { waitingFor } from './waiting-for.js';

/** Covers events of other processes that did not arrive here. */
const REFRESH_INTERVAL_MS = 5_000;

/**
 * Reports the agent state of containers that execute an instruction. It reads the rows of the instructions, so every
 * process reports the same, whichever executes them.
 */
@Injectable()
export class InstructionActivityReporter implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly refresh: PeriodicTask;
  /** Containers reported last as executing an instruction. */
  private reported = new Map<string, { isWaiting: boolean }>();
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly states: AgentStates,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(InstructionActivityReporter.name) logger: PinoLogger,
  ) {
    this.refresh = new PeriodicTask(clock, async () => this.report(await this.instructions.activities()), {
      intervalMs: REFRESH_INTERVAL_MS,
      immediate: true,
      onError: (error) => logger.warn({ err: error }, 'The activity of instructions could not be read'),
    });
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('instruction.state_changed', () => this.refresh.trigger());
    this.refresh.start();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    await this.refresh.stop();
  }

  private report(activities: InstructionActivity[]): void {
    const previous = this.reported;
    this.reported = new Map(
      activities.map(({ containerId, pendingPermission }) => [containerId, { isWaiting: pendingPermission !== null }]),
    );
    for (const { containerId, startedAt, pendingPermission } of activities) {
      if (pendingPermission !== null)
        this.states.report(containerId, 'instruction', {
          state: 'waiting',
          since: pendingPermission.askedAt,
          waitingFor: waitingFor(pendingPermission),
        });
      else {
        const since = previous.get(containerId)?.isWaiting ? this.clock.now() : startedAt;
        this.states.report(containerId, 'instruction', { state: 'working', since, waitingFor: null });
      }
    }
    for (const containerId of previous.keys())
      if (!this.reported.has(containerId)) this.states.clear(containerId, 'instruction');
  }
}
