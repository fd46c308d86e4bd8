import { beforeEach, describe, expect, it } from '@jest/globals';
import { settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { DomainEvents } from '../events/domain-events.js';
import { type AgentReport, AgentStates } from './agent-states.js';
import { ModelProblems } from './model-problems.js';

const AT = new Date('2026-01-02T03:04:05.678Z');
const LATER = new Date('2026-01-02T03:05:00.000Z');
const row = containerRow({ template: 'claude' });
const report = (
  state: AgentReport['state'],
  since: Date | null = AT,
  waitingFor: AgentReport['waitingFor'] = null,
): AgentReport => ({ state, since, waitingFor });

let states: AgentStates;
let problems: ModelProblems;
let events: DomainEvents;
let changes: number;

beforeEach(() => {
  events = new DomainEvents(quietLogger());
  problems = new ModelProblems(events);
  states = new AgentStates(events, problems);
  changes = 0;
  events.on('agent.changed', ({ containerId }) => {
    if (containerId === row.id) changes += 1;
  });
});

/** @returns the number of change events that the work causes */
async function changesBy(work: () => void): Promise<number> {
  const before = changes;
  work();
  await settled();
  return changes - before;
}

describe('AgentStates', () => {
  it('returns null while no source has reported', async () => {
    expect(states.of(row)).toBeNull();
    await expect(changesBy(() => states.report(row.id, 'watch', report('idle')))).resolves.toBe(1);
    expect(states.of(row)).toEqual({
      active: true,
      state: 'idle',
      since: AT.toISOString(),
      waitingFor: null,
      modelProblem: null,
    });
    await expect(changesBy(() => states.clear(row.id, 'watch'))).resolves.toBe(1);
    expect(states.of(row)).toBeNull();
  });

  it.each([
    ['stopped', 'claude'],
    ['creating', 'both'],
    ['running', 'vscode'],
  ] as const)('returns none for a %s container of template %s in spite of a report', (status, template) => {
    states.report(row.id, 'watch', report('working'));
    expect(states.of({ ...row, status, template })).toEqual({
      active: false,
      state: 'none',
      since: null,
      waitingFor: null,
      modelProblem: null,
    });
  });

  it('returns no start for the state none', () => {
    states.report(row.id, 'watch', report('none', AT));
    expect(states.of(row)).toEqual({ active: false, state: 'none', since: null, waitingFor: null, modelProblem: null });
  });

  it.each(['idle', 'working', 'waiting', 'none'] as const)(
    'keeps the start of %s when it is reported again',
    async (state) => {
      states.report(row.id, 'watch', report(state, AT, { tool: 'Bash', text: 'ls' }));
      await settled();
      const before = states.of(row);
      await expect(
        changesBy(() => states.report(row.id, 'watch', report(state, LATER, { tool: 'Bash', text: 'ls' }))),
      ).resolves.toBe(0);
      expect(states.of(row)).toEqual(before);
    },
  );

  it('changes when the agent waits for something else, and drops it when the agent works', async () => {
    states.report(row.id, 'watch', report('waiting', AT, { tool: 'Bash', text: 'ls' }));
    await settled();
    await expect(
      changesBy(() => states.report(row.id, 'watch', report('waiting', LATER, { tool: 'Bash', text: 'rm -r x' }))),
    ).resolves.toBe(1);
    expect(states.of(row)).toEqual({
      active: true,
      state: 'waiting',
      since: LATER.toISOString(),
      waitingFor: { tool: 'Bash', text: 'rm -r x' },
      modelProblem: null,
    });
    states.report(row.id, 'watch', report('working', AT, { tool: 'Bash', text: 'ls' }));
    expect(states.of(row)).toMatchObject({ state: 'working', waitingFor: null });
  });

  it('returns the report of the most reliable source that has one', async () => {
    states.report(row.id, 'watch', report('idle'));
    await settled();
    await expect(changesBy(() => states.report(row.id, 'instruction', report('working', LATER)))).resolves.toBe(1);
    await expect(changesBy(() => states.report(row.id, 'watch', report('waiting')))).resolves.toBe(0);
    expect(states.of(row)).toMatchObject({ state: 'working', since: LATER.toISOString() });
    await expect(changesBy(() => states.clear(row.id, 'instruction'))).resolves.toBe(1);
    expect(states.of(row)).toMatchObject({ state: 'waiting' });
  });

  it('names what keeps the API of the model from answering, until it answers or everything is reported anew', async () => {
    const problem = { reason: 'rate_limited', status: 429, at: AT } as const;
    states.report(row.id, 'watch', report('working'));
    await settled();
    await expect(changesBy(() => problems.report(row.id, problem))).resolves.toBe(1);
    expect(states.of(row)).toMatchObject({
      state: 'working',
      modelProblem: { reason: 'rate_limited', status: 429, at: AT.toISOString() },
    });
    await expect(changesBy(() => problems.report(row.id, { ...problem, at: LATER }))).resolves.toBe(0);
    expect(states.of(row)?.modelProblem).toMatchObject({ at: LATER.toISOString() });
    await expect(
      changesBy(() => problems.report(row.id, { reason: 'credential_refused', status: 401, at: LATER })),
    ).resolves.toBe(1);
    expect(states.of({ ...row, status: 'stopped' })?.modelProblem).toBeNull();
    await expect(changesBy(() => problems.report(row.id, null))).resolves.toBe(1);
    expect(states.of(row)?.modelProblem).toBeNull();
    problems.report(row.id, problem);
    await settled();
    await expect(changesBy(() => problems.clear())).resolves.toBe(1);
    expect(states.of(row)?.modelProblem).toBeNull();
  });

  it('deletes the reports of a removed container', async () => {
    states.report(row.id, 'watch', report('idle'));
    problems.report(row.id, { reason: 'overloaded', status: 529, at: AT });
    events.emit('container.removed', { containerId: row.id, projectId: row.projectId, at: AT });
    await settled();
    expect(states.of(row)).toBeNull();
    expect(problems.all.size).toBe(0);
  });
});
