import { describe, expect, it } from '@jest/globals';
import { judge, type Observation } from './idleness.js';

const NOW = new Date('2026-01-01T12:00:00Z');
const before = (minutes: number): Date => new Date(NOW.getTime() - minutes * 60_000);
const row = { startedAt: before(120), lastActivityAt: before(40), ttlMinutes: null } as const;
const resting: Observation = {
  now: NOW,
  row: { ...row, idleStopMinutes: 30 },
  agent: { state: 'none' },
  hasInstructions: false,
  cpu: { percent: 1, at: before(0) },
};

describe('judge', () => {
  it.each<[string, Partial<Observation>, string]>([
    ['at rest for longer than it may', {}, 'idle'],
    ['at rest with an agent that is idle', { agent: { state: 'idle' } }, 'idle'],
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
    ['with an agent at work', { agent: { state: 'working' } }, 'active'],
    ['with an agent that waits for a person', { agent: { state: 'waiting' } }, 'active'],
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
    ['that may run for longer', { row: { ...row, idleStopMinutes: null, ttlMinutes: 121 } }, 'quiet'],
  ])('one %s', (_, changes, kind) => {
    expect(judge({ ...resting, ...changes }).kind).toBe(kind);
  });
});
