import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { containerRow } from '../../../test/support/rows.js';
import { JobFailure } from '../../common/errors/job-failure.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { fakeSpec } from '../../drivers/fake/fake-workspace.js';
import type { HeldContainerLease } from '../../leases/container-leases.js';
import type { ContainerRow } from '../../persistence/containers/containers.repository.js';
import type { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import type { WorkspaceSpecs } from '../../workspace/workspace-specs.js';
import { ContainerPower } from './container-power.js';
import { type ContainerStore, NotHeldError } from './container-store.js';
import type { ReprovisionService } from './reprovision.service.js';

describe('ContainerPower', () => {
  let driver: FakeWorkspaceDriver;
  let row: ContainerRow;
  let held: HeldContainerLease;
  let readKey: () => Promise<Buffer>;
  let power: ContainerPower;
  /** Every change of status, with its reason and the columns that go with it. */
  let written: { to: string; reason?: string; patch?: object }[];
  const requireHeld = jest.fn<ContainerStore['requireHeld']>();
  const reprovision = jest.fn<ReprovisionService['begin']>();

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    const id = containerRow().id;
    row = containerRow({ ...driver.run({ id }), status: 'stopped' });
    held = { lease: { containerId: id, holder: 'me', fence: 1 }, signal: new AbortController().signal };
    readKey = async () => Buffer.from('key');
    written = [];
    requireHeld.mockReset().mockResolvedValue(undefined);
    reprovision.mockReset().mockImplementation(async (container) => ({ ...container, status: 'queued' }));
    const transition: ContainerStore['transition'] = async (_, to, { reason, patch } = {}) => {
      written.push({ to, ...(reason && { reason: reason.code }), ...(patch && { patch }) });
      return { ...row, ...patch, status: to };
    };
    power = new ContainerPower(
      driver,
      { of: async () => fakeSpec({ id, readGitKey: () => readKey() }) } as unknown as WorkspaceSpecs,
      { publish: async () => true } as unknown as WorkspaceSecretsPublisher,
      { transition, tryTransition: transition, requireHeld } as unknown as ContainerStore,
      { begin: reprovision } as unknown as ReprovisionService,
      new FakeClock(),
    );
  });

  it('starts a stopped workspace with its Git key, and writes when and as what it runs', async () => {
    driver.exit(row.id, 0);
    await expect(power.start(row, held)).resolves.toMatchObject({ status: 'running' });
    expect(driver.require(row.id)).toMatchObject({ state: 'running', gitKey: Buffer.from('key') });
    expect(written).toEqual([
      { to: 'starting', patch: { desiredRunning: true } },
      {
        to: 'running',
        patch: { startedAt: new FakeClock().now(), runtimeId: row.runtimeId, pendingChanges: [], addedEnv: null },
      },
    ]);
  });

  it('provisions a workspace again that is gone', async () => {
    driver.vanish(row.id);
    await expect(power.start(row, held)).resolves.toMatchObject({ status: 'queued' });
    expect(reprovision).toHaveBeenCalledWith(row, held.lease);
  });

  it('leaves a workspace stopped that cannot be started, with the reason', async () => {
    driver.exit(row.id, 0);
    readKey = () => Promise.reject(new JobFailure('ssh_key_not_usable', 'no such key'));
    await expect(power.start(row, held)).rejects.toMatchObject({ code: 'ssh_key_not_usable' });
    expect(written.at(-1)).toEqual({ to: 'stopped', reason: 'start_failed', patch: { desiredRunning: false } });
  });

  it('stops a workspace and keeps the reason of its stop', async () => {
    const stopping = {
      ...row,
      status: 'stopping',
      statusReason: { code: 'disk_limit_exceeded', message: 'x' },
    } as const;
    await power.finishStop(stopping, held.lease);
    expect(driver.require(row.id).state).toBe('exited');
    expect(written).toEqual([{ to: 'stopped', reason: 'disk_limit_exceeded' }]);
  });

  it('marks a container as missing whose workspace vanished before the stop', async () => {
    driver.vanish(row.id);
    await power.finishStop(row, held.lease);
    expect(written).toEqual([{ to: 'missing', reason: 'vanished' }]);
  });

  it('reports a stop that fails because the container is being deleted as that', async () => {
    driver.faults.failNext('stop', new DriverError('conflict', 'removal in progress'));
    requireHeld.mockRejectedValue(new NotHeldError(row.id, 'deleting'));
    await expect(power.finishStop(row, held.lease)).rejects.toBeInstanceOf(NotHeldError);
  });

  it('writes nothing about a stop that fails', async () => {
    driver.faults.failNext('stop', new DriverError('unavailable', 'x'));
    await expect(power.finishStop(row, held.lease)).rejects.toMatchObject({ code: 'unavailable' });
    expect(written).toEqual([]);
  });
});
