import { describe, expect, it } from '@jest/globals';
import type { AgentStateName } from '../../agent-state/agent.dto.js';
import { judge, type Observation, waitingOf } from './idleness.js';

const NOW = new Date('2026-01-01T12:00:00Z');
const before = (minutes: number): Date => new Date(NOW.getTime() - minutes * 60_000);
const row = {
  startedAt: before(120),
  lastActivityAt: before(40),
  ttlMinutes: null,
  waitingStopMinutes: null,
} as const;
const agent = (state: AgentStateName, since: Date | null = null) => ({ state, since: since?.toISOString() ?? null });
/** One whose agent has waited for 20 minutes. */
const waits = (waitingStopMinutes: number | null, since: Date | null = before(20)): Partial<Observation> => ({
  row: { ...row, idleStopMinutes: null, waitingStopMinutes },
  agent: agent('waiting', since),
});
const resting: Observation = {
  now: NOW,
  row: { ...row, idleStopMinutes: 30 },
  agent: agent('none'),
  hasInstructions: false,
  cpu: { percent: 1, at: before(0) },
};

describe('judge', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['at rest for longer than it may', {}, 'idle'],
    ['at rest with an agent that is idle', { agent: agent('idle') }, 'idle'],
    ['whose agent has ended its work just now', { agent: agent('idle', before(1)) }, 'quiet'],
    ['at rest to the minute', { row: { ...row, idleStopMinutes: 40 } }, 'idle'],
    ['at rest for less', { row: { ...row, idleStopMinutes: 41 } }, 'quiet'],
    ['without a limit', { row: { ...row, idleStopMinutes: null } }, 'quiet'],
    [
      'that has just started, whatever was before',
      { row: { ...row, startedAt: before(10), idleStopMinutes: 30 } },
      'quiet',
    ],
    [
      'that has started long ago and was never used',
      { row: { ...row, lastActivityAt: null, idleStopMinutes: 30 } },
      'idle',
    ],
    ['with an instruction', { hasInstructions: true }, 'active'],
    ['with an instruction, whose agent is unknown', { hasInstructions: true, agent: null, cpu: null }, 'active'],
    ['with an agent at work', { agent: agent('working') }, 'active'],
    ['with an agent that waits for a person', { agent: agent('waiting') }, 'active'],
    ['whose processes compute', { cpu: { percent: 10, at: before(0) } }, 'active'],
    ['whose agent is unknown', { agent: null }, 'unknown'],
    ['whose processor time is unknown', { cpu: null }, 'unknown'],
    ['whose processor time is of earlier', { cpu: { percent: 0, at: before(2) } }, 'unknown'],
    ['whose start is unknown', { row: { ...row, startedAt: null, idleStopMinutes: 30 } }, 'unknown'],
    [
      'that has run for as long as it may, at work',
      { row: { ...row, idleStopMinutes: null, ttlMinutes: 120 }, hasInstructions: true },
      'expired',
    ],
    ['whose agent waits for a person, for less than it may', { ...waits(41), hasInstructions: true }, 'waiting'],
    [
      'whose agent has waited for a person for as long as it may',
      { ...waits(20), row: { ...waits(20).row!, lastActivityAt: before(30) }, hasInstructions: true },
      'waited',
    ],
    [
      'whose agent waits, and which was used since',
      { ...waits(20, before(60)), row: { ...waits(41).row! } },
      'waiting',
    ],
    ['whose agent waits, it is not known since when', waits(1, null), 'active'],
    ['whose agent waits, and whose processes compute', { ...waits(1), cpu: { percent: 50, at: before(0) } }, 'active'],
    ['whose agent waits, and whose processor time is unknown', { ...waits(1), cpu: null }, 'unknown'],
    ['that may run for longer', { row: { ...row, idleStopMinutes: null, ttlMinutes: 121 } }, 'quiet'],
  ])('one %s', (_, changes, kind) => {
    expect(judge({ ...resting, ...changes }).kind).toBe(kind);
  });
});

describe('waitingOf', () => {
  it('counts from the start of the waiting, or from what has happened since', () => {
    const of = (lastActivityAt: Date, since = before(20)) =>
      waitingOf({ ...row, lastActivityAt, waitingStopMinutes: 30 }, agent('waiting', since));
    expect(of(before(40))).toEqual({ since: before(20), until: before(-10) });
    expect(of(before(5))).toEqual({ since: before(5), until: before(-25) });
    expect(waitingOf({ ...row, waitingStopMinutes: 30 }, agent('working', before(20)))).toBeNull();
  });
});
