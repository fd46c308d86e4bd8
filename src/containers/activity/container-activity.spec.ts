import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { Activity, ContainerStatus } from '../../persistence/types.js';
import type { ContainerLifecycleService } from '../lifecycle/container-lifecycle.service.js';
import { ContainerActivity } from './container-activity.js';

describe('ContainerActivity', () => {
  let clock: FakeClock;
  let stored: ContainerRow;
  let started: string[];
  let activity: ContainerActivity;
  const noteActivity = jest.fn<(id: string, activity: Activity, at: Date) => Promise<ContainerStatus | null>>();

  beforeEach(() => {
    clock = new FakeClock();
    stored = containerRow();
    started = [];
    noteActivity.mockReset().mockImplementation(async () => stored.status);
    const containers = { noteActivity, findById: async () => stored } as unknown as ContainersRepository;
    const start = async (row: ContainerRow): Promise<ContainerRow> => {
      started.push(row.id);
      return { ...row, status: 'running', statusReason: null };
    };
    const lifecycle = { start } as unknown as ContainerLifecycleService;
    activity = new ContainerActivity(containers, lifecycle, new DomainEvents(quietLogger()), clock, quietLogger());
  });

  it('is recorded once in half a minute, whatever it is', async () => {
    await expect(activity.begin(stored, 'exec')).resolves.toBe(stored);
    activity.note(stored.id, 'terminal');
    clock.advance(29_999);
    await activity.begin(stored, 'files');
    expect(noteActivity).toHaveBeenCalledTimes(1);
    clock.advance(1);
    activity.note(stored.id, 'terminal');
    expect(noteActivity.mock.calls.map(([, kind]) => kind)).toEqual(['exec', 'terminal']);
  });

  it('is tried again at once when it could not be recorded', async () => {
    noteActivity.mockRejectedValueOnce(new Error('no database'));
    await expect(activity.begin(stored, 'exec')).rejects.toThrow('no database');
    await activity.begin(stored, 'exec');
    expect(noteActivity).toHaveBeenCalledTimes(2);
  });

  it.each(['stopped', 'stopping'] as const)('starts a container that is %s because nobody used it', async (status) => {
    for (const code of ['idle', 'ttl_expired']) {
      stored = containerRow({ status, statusReason: { code, message: '' } });
      await expect(activity.begin(stored, 'exec')).resolves.toMatchObject({ id: stored.id, status: 'running' });
    }
    expect(started).toHaveLength(2);
  });

  it('starts one that was stopped since it was found', async () => {
    const found = containerRow();
    stored = { ...found, status: 'stopping', statusReason: { code: 'idle', message: '' } };
    await expect(activity.begin(found, 'exec')).resolves.toMatchObject({ status: 'running' });
  });

  it.each<[string, Partial<ContainerRow>]>([
    ['a person has stopped', { status: 'stopped', statusReason: null }],
    ['went over its disk', { status: 'stopped', statusReason: { code: 'disk_limit_exceeded', message: '' } }],
    ['has failed', { status: 'failed', statusReason: { code: 'idle', message: '' } }],
    ['is being created', { status: 'creating', statusReason: null }],
  ])('starts none that %s', async (_, row) => {
    stored = containerRow(row);
    await expect(activity.begin(stored, 'exec')).resolves.toBe(stored);
    expect([started, noteActivity.mock.calls]).toEqual([[], []]);
  });
});
