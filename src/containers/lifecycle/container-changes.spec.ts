import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { CredentialsHarness } from '../../../test/support/credentials/fake-credentials.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { ADMINISTRATOR, type Principal } from '../../auth/principal.js';
import { DomainError } from '../../common/errors/domain-error.js';
import { DriverError } from '../../drivers/driver-error.js';
import { EngineMonitor } from '../../drivers/engine-monitor.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import {
  type ContainerRow,
  type ContainersRepository,
  QuotaExceededError,
  type SpecPatch,
} from '../../persistence/containers/containers.repository.js';
import type { Settings } from '../../config/settings.js';
import { ImagePolicy } from '../../workspace/image-policy.js';
import { SpecRules } from '../../workspace/spec-rules.js';
import type { ProjectsRepository } from '../../persistence/auth/projects.repository.js';
import { MachineLimits } from '../../workspace/machine-limits.js';
import { ContainerChanges } from './container-changes.js';
import type { ContainerStore } from './container-store.js';

const PRINCIPAL: Principal = { ...ADMINISTRATOR, permission: 'container:update' };

describe('ContainerChanges', () => {
  let driver: FakeWorkspaceDriver;
  let harness: CredentialsHarness;
  let row: ContainerRow;
  let written: SpecPatch[];
  let failure: DomainError | undefined;
  let exceeded: QuotaExceededError | undefined;
  let changes: ContainerChanges;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    harness = new CredentialsHarness();
    row = containerRow();
    row = { ...row, ...driver.run({ id: row.id }), env: { A: '1' } };
    written = [];
    failure = undefined;
    exceeded = undefined;
    const changeSpec = async (_: string, patch: SpecPatch): Promise<ContainerRow> => {
      if (failure !== undefined) throw failure;
      written.push(patch);
      return { ...row, ...patch };
    };
    const requireQuota = async (_: string, more: object): Promise<void> => {
      if (exceeded === undefined) return;
      expect(more).toEqual({ cpu: 0, memoryMB: 1, diskMB: 0 });
      throw exceeded;
    };
    const leases = { withLease: async (_: string, __: number, work: (held: object) => unknown) => work({ lease: {} }) };
    const monitor = new EngineMonitor(driver, new DomainEvents(quietLogger()), new FakeClock(), quietLogger());
    const projects = { findById: async () => null } as unknown as ProjectsRepository;
    const settings = { allowedImages: ['docker.io/library/*'] } as unknown as Settings;
    changes = new ContainerChanges(
      { findById: async () => row, requireQuota } as unknown as ContainersRepository,
      { changeSpec } as unknown as ContainerStore,
      leases as unknown as ContainerLeases,
      driver,
      new SpecRules(new MachineLimits(monitor), new ImagePolicy(driver, projects, settings)),
      harness.credentials,
      harness.publisher(),
    );
  });

  const limits = (): unknown => driver.require(row.id).spec.limits;

  it('changes limits of a workspace that exists, and those of the row alone when there is none', async () => {
    await expect(changes.change(PRINCIPAL, row, { memoryLimit: 512 })).resolves.toMatchObject({ memoryLimit: 512 });
    expect(limits()).toMatchObject({ cpus: 2, memoryMiB: 512 });
    driver.vanish(row.id);
    await expect(changes.change(PRINCIPAL, row, { cpuLimit: 1 })).resolves.toMatchObject({ cpuLimit: 1 });
    expect(written).toHaveLength(2);
  });

  it('asks the engine nothing when a quota would be exceeded', async () => {
    exceeded = new QuotaExceededError({ quota: 'memoryMB', limit: 2_048, used: 2_048 });
    const before = limits();
    await expect(changes.change(PRINCIPAL, row, { memoryLimit: row.memoryLimit + 1 })).rejects.toBe(exceeded);
    expect(limits()).toEqual(before);
    expect(written).toEqual([]);
  });

  it('does not ask the engine when no limit changes', async () => {
    await changes.change(PRINCIPAL, row, { diskLimit: 4_096, memoryLimit: row.memoryLimit });
    expect(driver.faults.calls).not.toContain('resize');
  });

  it('says what takes effect at the next creation, as long as it was not created anew', async () => {
    await changes.change(PRINCIPAL, row, { env: { A: '2' } });
    row = { ...row, pendingChanges: ['env'] };
    await changes.change(PRINCIPAL, row, { name: 'other' });
    await changes.change(PRINCIPAL, row, { env: { A: '1' }, diskLimit: 4_096 });
    row = { ...row, pendingChanges: [], runtimeId: null };
    await changes.change(PRINCIPAL, row, { env: { A: '3' } });
    expect(written.map(({ pendingChanges }) => pendingChanges)).toEqual([['env'], ['name', 'env'], ['env'], []]);
  });

  it('takes other credentials that the caller may use, from the next creation on', async () => {
    const key = harness.add({ kind: 'ssh_key' });
    await changes.change(PRINCIPAL, row, { credentials: [key.id] });
    expect(written).toEqual([{ credentials: [key.id], pendingChanges: ['credentials'] }]);
    const foreign = harness.add({ projectId: '00000000-0000-4000-8000-000000000002' });
    await expect(changes.change(PRINCIPAL, row, { credentials: [foreign.id] })).rejects.toMatchObject({
      code: 'credential_not_found',
    });
    expect(written).toHaveLength(1);
  });

  it.each([
    ['cpuLimit', 4.5],
    ['memoryLimit', 8_193],
  ])('refuses more than the machine of the engine has: %s', async (field, value) => {
    await expect(changes.change(PRINCIPAL, row, { [field]: value })).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field }],
    });
    expect(written).toEqual([]);
  });

  it('writes nothing when the engine refuses less memory than is used', async () => {
    driver.faults.failNext('resize', new DriverError('failed', 'device or resource busy'));
    await expect(changes.change(PRINCIPAL, row, { memoryLimit: 128 })).rejects.toMatchObject({ code: 'invalid_state' });
    expect(written).toEqual([]);
  });

  it('puts the limits back when the row cannot be written', async () => {
    failure = new DomainError('name_taken', 'x');
    await expect(changes.change(PRINCIPAL, row, { name: 'taken', memoryLimit: 512 })).rejects.toBe(failure);
    expect(limits()).toMatchObject({ memoryMiB: row.memoryLimit });
  });

  it('changes the branch only before the clone', async () => {
    const refused = { code: 'invalid_state' };
    await expect(changes.change(PRINCIPAL, row, { repoBranch: 'main' })).rejects.toMatchObject(refused);
    row = { ...row, repoType: 'clone', repoBranch: 'old' };
    await expect(changes.change(PRINCIPAL, row, { repoBranch: 'main' })).rejects.toMatchObject(refused);
    await expect(changes.change(PRINCIPAL, row, { repoBranch: 'old' })).resolves.toMatchObject({ repoBranch: 'old' });
    row = { ...row, workspaceReady: false };
    await expect(changes.change(PRINCIPAL, row, { repoBranch: 'main' })).resolves.toMatchObject({ repoBranch: 'main' });
  });
});
