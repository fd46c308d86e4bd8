import { beforeEach, describe, expect, it } from '@jest/globals';
import { settled } from '../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../test/support/quiet-logger.js';
import { containerRow } from '../../test/support/rows.js';
import { DomainEvents } from '../events/domain-events.js';
import { type AgentReport, AgentStates } from './agent-states.js';

const AT = new Date('2026-01-02T03:04:05.678Z');
const LATER = new Date('2026-01-02T03:05:00.000Z');
const row = containerRow({ template: 'claude' });
const told = (
  state: AgentReport['state'],
  since: Date | null = AT,
  waitingFor: AgentReport['waitingFor'] = null,
): AgentReport => ({ state, since, waitingFor });

let states: AgentStates;
let events: DomainEvents;
let changes: number;

beforeEach(() => {
  events = new DomainEvents(quietLogger());
  states = new AgentStates(events);
  changes = 0;
  events.on('agent.changed', ({ containerId }) => {
    if (containerId === row.id) changes += 1;
  });
});

/** How many changes were emitted by it. */
async function changesBy(work: () => void): Promise<number> {
  const before = changes;
  work();
  await settled();
  return changes - before;
}

describe('the state of an agent', () => {
  it('is null until somebody has told', async () => {
    expect(states.of(row)).toBeNull();
    await expect(changesBy(() => states.report(row.id, 'watch', told('idle')))).resolves.toBe(1);
    expect(states.of(row)).toEqual({ active: true, state: 'idle', since: AT.toISOString(), waitingFor: null });
    await expect(changesBy(() => states.clear(row.id, 'watch'))).resolves.toBe(1);
    expect(states.of(row)).toBeNull();
  });

  it.each([
    ['stopped', 'claude'],
    ['creating', 'both'],
    ['running', 'vscode'],
  ] as const)('is none in a %s container of template %s, whatever was told', (status, template) => {
    states.report(row.id, 'watch', told('working'));
    expect(states.of({ ...row, status, template })).toEqual({
      active: false,
      state: 'none',
      since: null,
      waitingFor: null,
    });
  });

  it('has no beginning while there is none', () => {
    states.report(row.id, 'watch', told('none', AT));
    expect(states.of(row)).toEqual({ active: false, state: 'none', since: null, waitingFor: null });
  });

  it.each(['idle', 'working', 'waiting', 'none'] as const)(
    '%s goes on, and keeps its beginning, when it is told again',
    async (state) => {
      states.report(row.id, 'watch', told(state, AT, { tool: 'Bash', text: 'ls' }));
      await settled();
      const before = states.of(row);
      await expect(
        changesBy(() => states.report(row.id, 'watch', told(state, LATER, { tool: 'Bash', text: 'ls' }))),
      ).resolves.toBe(0);
      expect(states.of(row)).toEqual(before);
    },
  );

  it('changes with what it waits for, which nothing but waiting has', async () => {
    states.report(row.id, 'watch', told('waiting', AT, { tool: 'Bash', text: 'ls' }));
    await settled();
    await expect(
      changesBy(() => states.report(row.id, 'watch', told('waiting', LATER, { tool: 'Bash', text: 'rm -r x' }))),
    ).resolves.toBe(1);
    expect(states.of(row)).toEqual({
      active: true,
      state: 'waiting',
      since: LATER.toISOString(),
      waitingFor: { tool: 'Bash', text: 'rm -r x' },
    });
    states.report(row.id, 'watch', told('working', AT, { tool: 'Bash', text: 'ls' }));
    expect(states.of(row)).toMatchObject({ state: 'working', waitingFor: null });
  });

  it('comes from the best source, while that tells', async () => {
    states.report(row.id, 'watch', told('idle'));
    await settled();
    await expect(changesBy(() => states.report(row.id, 'instruction', told('working', LATER)))).resolves.toBe(1);
    await expect(changesBy(() => states.report(row.id, 'watch', told('waiting')))).resolves.toBe(0);
    expect(states.of(row)).toMatchObject({ state: 'working', since: LATER.toISOString() });
    await expect(changesBy(() => states.clear(row.id, 'instruction'))).resolves.toBe(1);
    expect(states.of(row)).toMatchObject({ state: 'waiting' });
  });

  it('is forgotten with its container', async () => {
    states.report(row.id, 'watch', told('idle'));
    events.emit('container.removed', { containerId: row.id, ownerId: row.ownerId, at: AT });
    await settled();
    expect(states.of(row)).toBeNull();
  });
});
