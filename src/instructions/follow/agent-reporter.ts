import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectPinoLogger, PinoLogger } from 'nestjs-pino';
import { Clock } from '../../common/time/clock.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import { DomainEvents } from '../../events/domain-events.js';
import {
  type InstructionActivity,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { waitingFor } from './waiting-for.js';

/** Another process may follow what runs, whose word may not be heard here. */
const EVERY_MS = 5_000;

/** Tells what agents do while instructions run: it is read from the rows, so every process knows, whichever follows. */
@Injectable()
export class AgentReporter implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stopped = new AbortController();
  /** Containers in which something runs, and whether it waits. */
  private reported = new Map<string, { waits: boolean }>();
  private looking: Promise<void> = Promise.resolve();
  private isLooking = false;
  private again = false;
  private repeating: Promise<void> | undefined;
  private unsubscribe: () => void = () => undefined;

  constructor(
    private readonly instructions: InstructionsRepository,
    private readonly states: AgentStates,
    private readonly events: DomainEvents,
    private readonly clock: Clock,
    @InjectPinoLogger(AgentReporter.name) private readonly logger: PinoLogger,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.events.on('instruction.moved', () => this.look());
    this.repeating = this.repeat();
  }

  async onModuleDestroy(): Promise<void> {
    this.unsubscribe();
    this.stopped.abort();
    await this.repeating;
    await this.looking;
  }

  private async repeat(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      await this.look();
      await this.clock.sleep(EVERY_MS, this.stopped.signal);
    }
  }

  /** One look after the other; what happens during one is seen by the next. */
  private look(): Promise<void> {
    this.again = true;
    if (!this.isLooking) this.looking = this.lookWhileAsked();
    return this.looking;
  }

  private async lookWhileAsked(): Promise<void> {
    this.isLooking = true;
    while (this.again && !this.stopped.signal.aborted) {
      this.again = false;
      try {
        this.report(await this.instructions.activities());
      } catch (error) {
        this.logger.warn({ err: error }, 'What agents do could not be read');
      }
    }
    this.isLooking = false;
  }

  private report(activities: InstructionActivity[]): void {
    const before = this.reported;
    this.reported = new Map(activities.map(({ containerId, asks }) => [containerId, { waits: asks !== null }]));
    for (const { containerId, startedAt, asks } of activities) {
      if (asks !== null)
        this.states.report(containerId, 'instruction', {
          state: 'waiting',
          since: asks.askedAt,
          waitingFor: waitingFor(asks),
        });
      else {
        const since = before.get(containerId)?.waits ? this.clock.now() : startedAt;
        this.states.report(containerId, 'instruction', { state: 'working', since, waitingFor: null });
      }
    }
    for (const containerId of before.keys())
      if (!this.reported.has(containerId)) this.states.clear(containerId, 'instruction');
  }
}
