import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { T0 } from '../../../test/support/rows.js';
import { AgentStates } from '../../agent-state/agent-states.js';
import { DomainEvents } from '../../events/domain-events.js';
import type {
  InstructionActivity,
  InstructionsRepository,
} from '../../persistence/instructions/instructions.repository.js';
import { AgentReporter } from './agent-reporter.js';

const EVERY_MS = 5_000;
const ASKS = { toolName: 'Bash', input: '{"command":"rm -rf /"}', askedAt: new Date(T0.getTime() + 1_000) };

describe('AgentReporter', () => {
  let activities: InstructionActivity[];
  let away: boolean;
  let looks: number;
  let events: DomainEvents;
  let states: AgentStates;
  let clock: FakeClock;
  let reporter: AgentReporter;

  beforeEach(() => {
    [activities, away, looks] = [[], false, 0];
    events = new DomainEvents(quietLogger());
    states = new AgentStates(events);
    clock = new FakeClock();
    const repository = {
      activities: async () => {
        looks += 1;
        if (away) throw new Error('away');
        return activities;
      },
    } as unknown as InstructionsRepository;
    reporter = new AgentReporter(repository, states, events, clock, quietLogger());
  });
  afterEach(() => reporter.onModuleDestroy());

  const of = (id: string) => states.of({ id, status: 'running', template: 'claude' });
  const move = async (...now: InstructionActivity[]): Promise<void> => {
    activities = now;
    events.emit('instruction.moved', { instructionId: 'i', containerId: 'c', ownerId: 'admin' });
    await settled();
  };
  const working = (containerId: string): InstructionActivity => ({ containerId, startedAt: T0, asks: null });

  it('tells what runs already, and what begins, waits, goes on and ends', async () => {
    activities = [working('c')];
    reporter.onApplicationBootstrap();
    await settled();
    expect(of('c')).toEqual({ active: true, state: 'working', since: T0.toISOString(), waitingFor: null });
    await move({ ...working('c'), asks: ASKS }, working('d'));
    expect(of('c')).toEqual({
      active: true,
      state: 'waiting',
      since: ASKS.askedAt.toISOString(),
      waitingFor: { tool: 'Bash', text: 'rm -rf /' },
    });
    expect(of('d')).toMatchObject({ state: 'working' });
    await clock.advance(1);
    await move(working('c'));
    expect(of('c')).toMatchObject({ state: 'working', since: clock.now().toISOString() });
    expect(of('d')).toBeNull();
    await move();
    expect(of('c')).toBeNull();
  });

  it('leaves what other sources tell', async () => {
    states.report('c', 'watch', { state: 'idle', since: T0, waitingFor: null });
    reporter.onApplicationBootstrap();
    await move(working('c'));
    expect(of('c')).toMatchObject({ state: 'working' });
    await move();
    expect(of('c')).toMatchObject({ state: 'idle' });
  });

  it('finds what it was not told of, and what it could not read', async () => {
    reporter.onApplicationBootstrap();
    await settled();
    away = true;
    await move(working('c'));
    expect(of('c')).toBeNull();
    away = false;
    await clock.advance(EVERY_MS);
    expect(of('c')).toMatchObject({ state: 'working' });
  });

  it('looks once for many that move at once', async () => {
    reporter.onApplicationBootstrap();
    await settled();
    const before = looks;
    for (let each = 0; each < 50; each++)
      events.emit('instruction.moved', { instructionId: 'i', containerId: 'c', ownerId: 'admin' });
    await settled();
    expect(looks - before).toBeLessThanOrEqual(2);
  });
});
