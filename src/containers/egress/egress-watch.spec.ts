import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import { EgressCounters } from '../../egress/egress-counters.js';
import type { EgressPolicies } from '../../egress/egress-policies.js';
import { DomainEvents } from '../../events/domain-events.js';
import type { WorkspaceSecretsPublisher } from '../../workspace/workspace-secrets.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { type EgressDenialRow, EgressDenialsRepository } from '../../persistence/egress/egress-denials.repository.js';
import { DenialStore } from './denial-store.js';
import { GatewayReports } from './gateway-reports.js';
import { ModelProblems } from '../../agent-state/model-problems.js';
import type { SpendCollector } from '../../spend/spend-collector.js';
import { EgressWatch } from './egress-watch.js';

class FakeDenialsRepository extends EgressDenialsRepository {
  readonly rows: EgressDenialRow[] = [];
  failure: Error | undefined;

  async insert(denials: EgressDenialRow[]): Promise<(EgressDenialRow & { projectId: string })[]> {
    if (this.failure !== undefined) throw this.failure;
    const isKnown = ({ containerId, seq }: EgressDenialRow): boolean =>
      this.rows.some((row) => row.containerId === containerId && row.seq === seq);
    const stored = denials.filter((denial) => !isKnown(denial));
    this.rows.push(...stored);
    return stored.map((row) => ({ ...row, projectId: 'p' }));
  }

  async lastOfEach(): Promise<Map<string, number>> {
    return new Map(this.rows.map(({ containerId, seq }) => [containerId, seq]));
  }

  async list(): Promise<EgressDenialRow[]> {
    return this.rows;
  }

  async removeBefore(): Promise<number> {
    return 0;
  }
}

describe('EgressWatch', () => {
  let driver: FakeWorkspaceDriver;
  let repository: FakeDenialsRepository;
  let counters: EgressCounters;
  let clock: FakeClock;
  let watch: EgressWatch;
  let rows: ContainerRow[];
  let told: number[];
  let published: string[];
  let spent: string[];
  let problems: ModelProblems;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    repository = new FakeDenialsRepository();
    counters = new EgressCounters();
    clock = new FakeClock();
    const events = new DomainEvents(quietLogger());
    told = [];
    published = [];
    spent = [];
    events.on('egress.denied', ({ seq }) => void told.push(seq));
    rows = ['restricted', 'open', 'none'].map((egress) => {
      const row = containerRow({ egress: egress as ContainerRow['egress'] });
      return { ...row, ...driver.run({ id: row.id }) };
    });
    const store = new DenialStore(repository, counters, events, clock, quietLogger());
    watch = new EgressWatch(
      { listAll: async () => rows } as unknown as ContainersRepository,
      driver,
      { resolve: async ({ egress }: ContainerRow) => ({ mode: egress, allow: [] }) } as unknown as EgressPolicies,
      { publish: async ({ id }: ContainerRow) => published.push(id) } as unknown as WorkspaceSecretsPublisher,
      new GatewayReports(
        store,
        { collectSoon: (id: string) => spent.push(id) } as unknown as SpendCollector,
        (problems = new ModelProblems(events)),
      ),
      clock,
      quietLogger(),
    );
  });
  afterEach(() => watch.onModuleDestroy());

  const start = async (): Promise<void> => {
    watch.onApplicationBootstrap();
    await settled();
  };
  const modes = () => rows.map(({ id }) => driver.require(id).spec.egress.mode);

  it('stores each denial once, counts it and tells of it', async () => {
    await start();
    const { id } = rows[0]!;
    driver.denials.deny(id, { host: 'a.example' });
    driver.denials.deny(id, { host: 'b\0.example', reason: 'private_address', attempts: 3 });
    await settled();
    expect(repository.rows.map(({ seq, host }) => [seq, host])).toEqual([
      [1, 'a.example'],
      [2, 'b\uFFFD.example'],
    ]);
    expect([...counters.denied]).toEqual([
      ['not_allowed', 1],
      ['private_address', 3],
    ]);
    expect(told).toEqual([1, 2]);
  });

  it('goes on behind the last denial that is stored when the gateway comes back', async () => {
    const { id } = rows[0]!;
    await start();
    driver.denials.deny(id);
    await settled();
    driver.restartGateway();
    driver.denials.deny(id);
    await settled();
    await clock.advance(1_000);
    await settled();
    expect(told).toEqual([1, 2]);
    expect(repository.rows).toHaveLength(2);
  });

  it('gets again what the database did not take', async () => {
    const { id } = rows[0]!;
    await start();
    repository.failure = new Error('away');
    driver.denials.deny(id);
    await settled();
    repository.failure = undefined;
    driver.restartGateway();
    await settled();
    await clock.advance(1_000);
    await settled();
    expect(told).toEqual([1]);
  });

  it('gives every workspace that is not open its policy when the gateway is reached, and leaves changing ones alone', async () => {
    rows[2] = { ...rows[2]!, leaseHolder: 'somebody' };
    await start();
    expect(modes()).toEqual(['restricted', 'open', 'open']);
    expect(published).toEqual([rows[0]!.id, rows[1]!.id]);
    rows[2] = { ...rows[2], leaseHolder: null };
    driver.restartGateway();
    await settled();
    await clock.advance(1_000);
    await settled();
    expect(modes()).toEqual(['restricted', 'open', 'none']);
  });

  it('has stored what a workspace has spent', async () => {
    await start();
    driver.denials.tellSpend(rows[0]!.id);
    expect(spent).toEqual([rows[0]!.id]);
  });

  it('reports what keeps the API of the model from answering, and forgets it with the gateway that knew', async () => {
    await start();
    driver.denials.tellModelProblem(rows[0]!.id, { reason: 'overloaded', status: 529, at: new Date(0) });
    expect([...problems.all]).toEqual([
      [rows[0]!.id, { reason: 'overloaded', status: 529, at: '1970-01-01T00:00:00.000Z' }],
    ]);
    driver.restartGateway();
    await settled();
    await clock.advance(1_000);
    await settled();
    expect(problems.all.size).toBe(0);
  });

  it('does nothing where the engine cannot restrict, until it can', async () => {
    driver.capabilities = { ...driver.capabilities, fence: false };
    await start();
    expect(driver.faults.calls).not.toContain('watchDenials');
    driver.capabilities = { ...driver.capabilities, fence: true };
    await clock.advance(1_000);
    await settled();
    expect(driver.faults.calls).toContain('watchDenials');
  });
});
