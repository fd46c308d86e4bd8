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

describe('a container that is being provisioned', () => {
  const statuses: ContainerStatus[] = ['queued', 'creating', 'starting', 'cloning'];
  const row = containerRow();

  it.each(statuses)('is provisioned again in status %s without a job, or with a finished one', (status) => {
    expect(decision({ status })).toEqual({ do: 'reprovision' });
    expect(decision({ status }, {}, jobRow(row, { finishedAt: T0 }))).toEqual({ do: 'reprovision' });
  });

  it.each(statuses)('is left alone in status %s while its job makes progress, whatever the engine shows', (status) => {
    for (const each of [null, workspace('running'), workspace('exited')]) {
      expect(decision({ status }, { workspace: each }, jobRow(row))).toEqual(NOTHING);
    }
  });

  it.each(statuses)('has its job woken in status %s after a minute without a change, and not before', (status) => {
    const job = jobRow(row, { attempts: 1 });
    expect(decision({ status }, { now: new Date(T0.getTime() + MINUTE_MS) }, job)).toEqual(NOTHING);
    expect(decision({ status }, { now: new Date(T0.getTime() + MINUTE_MS + 1) }, job)).toEqual({ do: 'wake' });
  });

  it('has a job that no worker has begun woken after ten seconds', () => {
    const [job, status] = [jobRow(row), 'queued' as const];
    expect(decision({ status }, { now: new Date(T0.getTime() + 10_000) }, job)).toEqual(NOTHING);
    expect(decision({ status }, { now: new Date(T0.getTime() + 10_001) }, job)).toEqual({ do: 'wake' });
  });

  it.each(statuses)('has its job woken in status %s when the engine was away', (status) => {
    expect(decision({ status }, { engineWasAway: true }, jobRow(row))).toEqual({ do: 'wake' });
  });
});

describe('a container that the engine says is absent', () => {
  it.each(['running', 'stopping', 'stopped'] as const)('becomes missing from %s, with a reason', (status) => {
    for (const engineWasAway of [false, true])
      expect(decision({ status }, { engineWasAway })).toEqual(mark('missing', VANISHED));
  });

  it.each(['missing', 'failed'] as const)('stays %s', (status) => {
    expect(decision({ status })).toEqual(NOTHING);
  });
});

describe('a container that runs at the engine', () => {
  it.each(['running', 'paused'] as const)('is in agreement with a running row when %s', (state) => {
    expect(decision({ status: 'running' }, { workspace: workspace(state) })).toEqual(NOTHING);
  });

  it.each(['stopped', 'missing'] as const)('becomes running from %s', (status) => {
    expect(decision({ status, desiredRunning: false }, { workspace: workspace('running') })).toEqual(mark('running'));
  });

  it('is stopped when a stop was begun', () => {
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

  it('becomes stopped, with a reason, when the engine was available all the time', () => {
    expect(decision({ status: 'running' }, { workspace: there })).toEqual(
      mark('stopped', { code: 'exited', message: expect.stringContaining('exit code 3') }),
    );
  });

  it('has the reason oom_killed when it was killed for memory', () => {
    const killed = workspace(state, { exitCode: 137, oomKilled: true });
    expect(decision({ status: 'running' }, { workspace: killed })).toEqual(
      mark('stopped', { code: 'oom_killed', message: expect.any(String) }),
    );
  });

  it('has another reason when only one of its processes was killed for memory', () => {
    const survived = workspace(state, { exitCode: 1, oomKilled: true });
    expect(decision({ status: 'running' }, { workspace: survived })).toEqual(
      mark('stopped', { code: 'exited', message: expect.any(String) }),
    );
  });

  it('is started again when it should run and the engine was away', () => {
    for (const status of ['running', 'stopped', 'missing'] as const) {
      expect(decision({ status }, { workspace: there, engineWasAway: true })).toEqual({ do: 'restart' });
    }
  });

  it('is not started again when it should not run', () => {
    const row = { desiredRunning: false } as const;
    expect(decision({ ...row, status: 'stopped' }, { workspace: there, engineWasAway: true })).toEqual(NOTHING);
    expect(decision({ ...row, status: 'missing' }, { workspace: there, engineWasAway: true })).toEqual(mark('stopped'));
    expect(decision({ ...row, status: 'running' }, { workspace: there, engineWasAway: true })).toMatchObject({
      do: 'mark',
      status: 'stopped',
    });
  });

  it('is in agreement with a stopped row', () => {
    expect(decision({ status: 'stopped' }, { workspace: there })).toEqual(NOTHING);
  });

  it('becomes stopped from missing', () => {
    expect(decision({ status: 'missing' }, { workspace: there })).toEqual(mark('stopped'));
  });

  it('completes a stop that was begun, whether or not the engine was away', () => {
    for (const engineWasAway of [false, true])
      expect(decision({ status: 'stopping' }, { workspace: there, engineWasAway })).toEqual(mark('stopped'));
  });
});

describe('a container that is being deleted', () => {
  it('is removed, whatever the engine shows', () => {
    for (const each of [null, workspace('running'), workspace('exited')]) {
      expect(decision({ status: 'deleting' }, { workspace: each })).toEqual({ do: 'finish-removal' });
    }
  });
});
