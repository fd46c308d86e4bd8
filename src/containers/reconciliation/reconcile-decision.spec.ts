import { describe, expect, it } from '@jest/globals';
import { containerRow, jobRow, T0 } from '../../../test/support/rows.js';
import type { ContainerRow, JobRow } from '../../persistence/containers/containers.repository.js';
import type { ContainerStatus } from '../../persistence/types.js';
import type { ObservedWorkspace, WorkspaceState } from '../../drivers/workspace.js';
import { decide, type Decision, type Observation, VANISHED } from './reconcile-decision.js';

const MINUTE_MS = 60_000;

function workspace(state: WorkspaceState, overrides: Partial<ObservedWorkspace> = {}): ObservedWorkspace {
  return {
    id: 'c',
    runtimeId: 'r',
    image: 'i',
    state,
    exitCode: 0,
    oomKilled: false,
    startedAt: null,
    finishedAt: null,
    ...overrides,
  };
}

function decision(
  row: Partial<ContainerRow>,
  observation: Partial<Observation> = {},
  job: JobRow | null = null,
): Decision {
  return decide(containerRow(row), job, { now: T0, workspace: null, engineWasAway: false, ...observation });
}

const NOTHING = { do: 'nothing' };
const mark = (status: string, reason: unknown = null): object => ({ do: 'mark', status, reason });

describe('a container on its way up', () => {
  const statuses: ContainerStatus[] = ['queued', 'creating', 'starting', 'cloning'];
  const row = containerRow();

  it.each(statuses)('%s without a job, or with one that is over, is provisioned again', (status) => {
    expect(decision({ status })).toEqual({ do: 'reprovision' });
    expect(decision({ status }, {}, jobRow(row, { finishedAt: T0 }))).toEqual({ do: 'reprovision' });
  });

  it.each(statuses)('%s with a job that moves is left alone, whatever the engine shows', (status) => {
    for (const each of [null, workspace('running'), workspace('exited')]) {
      expect(decision({ status }, { workspace: each }, jobRow(row))).toEqual(NOTHING);
    }
  });

  it.each(statuses)('%s whose job nobody touched for a minute is woken, and not before', (status) => {
    const job = jobRow(row);
    expect(decision({ status }, { now: new Date(T0.getTime() + MINUTE_MS) }, job)).toEqual(NOTHING);
    expect(decision({ status }, { now: new Date(T0.getTime() + MINUTE_MS + 1) }, job)).toEqual({ do: 'wake' });
  });

  it.each(statuses)('%s is woken when the engine was away', (status) => {
    expect(decision({ status }, { engineWasAway: true }, jobRow(row))).toEqual({ do: 'wake' });
  });
});

describe('a container that the engine says is absent', () => {
  it.each(['running', 'stopping', 'stopped'] as const)('%s is missing, and said to be', (status) => {
    for (const engineWasAway of [false, true])
      expect(decision({ status }, { engineWasAway })).toEqual(mark('missing', VANISHED));
  });

  it.each(['missing', 'failed'] as const)('%s stays what it is', (status) => {
    expect(decision({ status })).toEqual(NOTHING);
  });
});

describe('a container that runs at the engine', () => {
  it.each(['running', 'paused'] as const)('%s agrees with a row that says running', (state) => {
    expect(decision({ status: 'running' }, { workspace: workspace(state) })).toEqual(NOTHING);
  });

  it.each(['stopped', 'missing'] as const)('takes a row that says %s along', (status) => {
    expect(decision({ status, desiredRunning: false }, { workspace: workspace('running') })).toEqual(mark('running'));
  });

  it('is stopped to its end when a stop was begun', () => {
    expect(decision({ status: 'stopping', desiredRunning: false }, { workspace: workspace('running') })).toEqual({
      do: 'finish-stop',
    });
  });

  it('stays failed', () => {
    expect(decision({ status: 'failed' }, { workspace: workspace('running') })).toEqual(NOTHING);
  });
});

describe.each(['exited', 'created', 'dead'] as const)('a container that is %s at the engine', (state) => {
  const there = workspace(state, { exitCode: 3 });

  it('is stopped when the engine was there all the time, with the reason', () => {
    expect(decision({ status: 'running' }, { workspace: there })).toEqual(
      mark('stopped', { code: 'exited', message: expect.stringContaining('exit code 3') }),
    );
  });

  it('is said to have been short of memory when it was', () => {
    const killed = workspace(state, { exitCode: 137, oomKilled: true });
    expect(decision({ status: 'running' }, { workspace: killed })).toEqual(
      mark('stopped', { code: 'oom_killed', message: expect.any(String) }),
    );
  });

  it('is not said to have been when only one of its processes was', () => {
    const survived = workspace(state, { exitCode: 1, oomKilled: true });
    expect(decision({ status: 'running' }, { workspace: survived })).toEqual(
      mark('stopped', { code: 'exited', message: expect.any(String) }),
    );
  });

  it('is started again when it shall run and the engine went down under it', () => {
    for (const status of ['running', 'stopped', 'missing'] as const) {
      expect(decision({ status }, { workspace: there, engineWasAway: true })).toEqual({ do: 'restart' });
    }
  });

  it('is not started again when it shall not run', () => {
    const row = { desiredRunning: false } as const;
    expect(decision({ ...row, status: 'stopped' }, { workspace: there, engineWasAway: true })).toEqual(NOTHING);
    expect(decision({ ...row, status: 'missing' }, { workspace: there, engineWasAway: true })).toEqual(mark('stopped'));
    expect(decision({ ...row, status: 'running' }, { workspace: there, engineWasAway: true })).toMatchObject({
      do: 'mark',
      status: 'stopped',
    });
  });

  it('agrees with a row that says stopped', () => {
    expect(decision({ status: 'stopped' }, { workspace: there })).toEqual(NOTHING);
  });

  it('is what is left of one that was missing', () => {
    expect(decision({ status: 'missing' }, { workspace: there })).toEqual(mark('stopped'));
  });

  it('ends a stop that was begun, whether or not the engine was away', () => {
    for (const engineWasAway of [false, true])
      expect(decision({ status: 'stopping' }, { workspace: there, engineWasAway })).toEqual(mark('stopped'));
  });
});

describe('a container that is being deleted', () => {
  it('is removed to its end, whatever the engine shows', () => {
    for (const each of [null, workspace('running'), workspace('exited')]) {
      expect(decision({ status: 'deleting' }, { workspace: each })).toEqual({ do: 'finish-removal' });
    }
  });
});
