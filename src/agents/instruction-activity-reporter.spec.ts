import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { T0 } from '../../test/support/rows.js';
import { AgentStates } from '../agent-state/agent-states.js';
import { ModelProblems } from '../agent-state/model-problems.js';
import { DomainEvents } from '../events/domain-events.js';
import type {
  InstructionActivity,
  InstructionsRepository,
} from '../persistence/instructions/instructions.repository.js';
import { InstructionActivityReporter } from './instruction-activity-reporter.js';

const REFRESH_INTERVAL_MS = 5_000;
const PERMISSION = { toolName: 'Bash', input: '{"command":"rm -rf /"}', askedAt: new Date(T0.getTime() + 1_000) };

describe('InstructionActivityReporter', () => {
  let activities: InstructionActivity[];
  let isUnavailable: boolean;
  let reads: number;
  let events: DomainEvents;
  let states: AgentStates;
  let clock: FakeClock;
  let reporter: InstructionActivityReporter;

  beforeEach(() => {
    [activities, isUnavailable, reads] = [[], false, 0];
    events = new DomainEvents(quietLogger());
    states = new AgentStates(events, new ModelProblems(events));
    clock = new FakeClock();
    const repository = {
      activities: async () => {
        reads += 1;
        if (isUnavailable) throw new Error('unavailable');
        return activities;
      },
    } as unknown as InstructionsRepository;
    reporter = new InstructionActivityReporter(repository, states, events, clock, quietLogger());
  });
  afterEach(() => reporter.onModuleDestroy());

  const stateOf = (id: string) => states.of({ id, status: 'running', template: 'claude' });
  const change = async (...now: InstructionActivity[]): Promise<void> => {
    activities = now;
    events.emit('instruction.state_changed', { instructionId: 'i', containerId: 'c', projectId: 'p' });
    await settled();
  };
  const working = (containerId: string): InstructionActivity => ({
    containerId,
    startedAt: T0,
    pendingPermission: null,
  });

  it('reports instructions that run at startup, and those that start, wait, continue and end', async () => {
    activities = [working('c')];
    reporter.onApplicationBootstrap();
    await settled();
    expect(stateOf('c')).toEqual({
      active: true,
      state: 'working',
      since: T0.toISOString(),
      waitingFor: null,
      modelProblem: null,
    });
    await change({ ...working('c'), pendingPermission: PERMISSION }, working('d'));
    expect(stateOf('c')).toEqual({
      active: true,
      state: 'waiting',
      since: PERMISSION.askedAt.toISOString(),
      waitingFor: { tool: 'Bash', text: 'rm -rf /' },
      modelProblem: null,
    });
    expect(stateOf('d')).toMatchObject({ state: 'working' });
    await clock.advance(1);
    await change(working('c'));
    expect(stateOf('c')).toMatchObject({ state: 'working', since: clock.now().toISOString() });
    expect(stateOf('d')).toBeNull();
    await change();
    expect(stateOf('c')).toBeNull();
  });

  it('leaves the reports of other sources in place', async () => {
    states.report('c', 'watch', { state: 'idle', since: T0, waitingFor: null });
    reporter.onApplicationBootstrap();
    await change(working('c'));
    expect(stateOf('c')).toMatchObject({ state: 'working' });
    await change();
    expect(stateOf('c')).toMatchObject({ state: 'idle' });
  });

  it('reads again after an interval when a read failed or an event was missed', async () => {
    reporter.onApplicationBootstrap();
    await settled();
    isUnavailable = true;
    await change(working('c'));
    expect(stateOf('c')).toBeNull();
    isUnavailable = false;
    await clock.advance(REFRESH_INTERVAL_MS);
    expect(stateOf('c')).toMatchObject({ state: 'working' });
  });

  it('reads at most twice for fifty simultaneous changes', async () => {
    reporter.onApplicationBootstrap();
    await settled();
    const before = reads;
    for (let each = 0; each < 50; each++)
      events.emit('instruction.state_changed', { instructionId: 'i', containerId: 'c', projectId: 'p' });
    await settled();
    expect(reads - before).toBeLessThanOrEqual(2);
  });
});
