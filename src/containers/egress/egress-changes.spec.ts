import { beforeEach, describe, expect, it } from '@jest/globals';
import { containerRow, projectRow } from '../../../test/support/rows.js';
import type { Settings } from '../../config/settings.js';
import { DriverError } from '../../drivers/driver-error.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { EgressPolicies } from '../../egress/egress-policies.js';
import type { ContainerLeases } from '../../leases/container-leases.js';
import type { ProjectsRepository } from '../../persistence/auth/projects.repository.js';
import type {
  ContainerRow,
  ContainersRepository,
  SpecPatch,
} from '../../persistence/containers/containers.repository.js';
import type { ContainerStore } from '../lifecycle/container-store.js';
import { EgressChanges } from './egress-changes.js';

describe('EgressChanges', () => {
  let driver: FakeWorkspaceDriver;
  let row: ContainerRow;
  let written: [SpecPatch, string | undefined][];
  let failure: Error | undefined;
  let changes: EgressChanges;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    row = containerRow({ egressSets: [] });
    row = { ...row, ...driver.run({ id: row.id }) };
    [written, failure] = [[], undefined];
    const changeSpec: ContainerStore['changeSpec'] = async (_, patch, __, action) => {
      if (failure !== undefined) throw failure;
      written.push([patch, action]);
      return (row = { ...row, ...patch } as ContainerRow);
    };
    const leases = { withLease: async (_: string, __: number, work: (held: object) => unknown) => work({ lease: {} }) };
    changes = new EgressChanges(
      { findById: async () => row } as unknown as ContainersRepository,
      { changeSpec } as unknown as ContainerStore,
      leases as unknown as ContainerLeases,
      driver,
      new EgressPolicies(
        driver,
        { findById: async () => projectRow() } as unknown as ProjectsRepository,
        { agentEnv: {}, egress: { privateHosts: [] } } as unknown as Settings,
      ),
    );
  });

  const applied = () => driver.require(row.id).spec.egress;
  const ALLOW = [{ host: 'a.example', ports: [443] }];

  it('changes the engine, then the row, both ways', async () => {
    await changes.change(row, { egress: 'restricted', egressAllow: ALLOW });
    expect(applied()).toEqual({ mode: 'restricted', allow: ALLOW });
    await changes.change(row, { egress: 'none' });
    expect(applied()).toEqual({ mode: 'none', allow: [] });
    await changes.change(row, { egress: 'open' });
    expect(applied()).toEqual({ mode: 'open', allow: [] });
    expect(written.map(([patch, action]) => [patch.egress, action])).toEqual([
      ['restricted', 'container.egress'],
      ['none', 'container.egress'],
      ['open', 'container.egress'],
    ]);
    expect(row.egressAllow).toEqual(ALLOW);
  });

  it('changes the row alone of a container without a workspace', async () => {
    driver.vanish(row.id);
    await expect(changes.change(row, { egress: 'none' })).resolves.toMatchObject({ egress: 'none' });
  });

  it('writes nothing when the engine does not follow', async () => {
    driver.faults.failNext('setEgress', new DriverError('unavailable', 'x'));
    await expect(changes.change(row, { egress: 'none' })).rejects.toMatchObject({ code: 'unavailable' });
    driver.require(row.id).outdated = true;
    await expect(changes.change(row, { egress: 'none' })).rejects.toMatchObject({ code: 'image_outdated' });
    expect(written).toEqual([]);
  });

  it('puts the engine back when the row cannot be written', async () => {
    await changes.change(row, { egress: 'restricted', egressAllow: ALLOW });
    failure = new Error('database');
    await expect(changes.change(row, { egress: 'open' })).rejects.toBe(failure);
    expect(applied()).toEqual({ mode: 'restricted', allow: ALLOW });
  });

  it('asks the engine nothing for rules of a container that stays open', async () => {
    driver.require(row.id).outdated = true;
    await changes.change(row, { egressAllow: ALLOW });
    expect(driver.faults.calls).not.toContain('setEgress');
  });

  it('refuses to change a container that is being deleted', async () => {
    row = { ...row, status: 'deleting' };
    await expect(changes.change(row, { egress: 'none' })).rejects.toMatchObject({ code: 'invalid_state' });
  });
});
