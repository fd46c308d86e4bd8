import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { parseExposition } from '../../../test/support/prometheus/parse.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import { containerRow } from '../../../test/support/rows.js';
import type { MetricsDto } from '../../usage/metrics.dto.js';
import { LatestMetrics } from '../../usage/latest-metrics.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { RowMetrics } from './row-metrics.js';

const MIB = 1024 * 1024;
const ALICE = '0190a4e2-0000-4000-8000-00000000000a';
const BOB = '0190a4e2-0000-4000-8000-00000000000b';

const sample = (overrides: Partial<MetricsDto> = {}): MetricsDto => ({
  containerId: ALICE,
  timestamp: 'now',
  cpu: { percent: 150, limitPercent: 200 },
  memory: { usedMB: 100.5, limitMB: 512, percent: 20 },
  disk: { usedMB: 7, limitMB: 1024, percent: 1 },
  network: { rxBytes: 1_000, txBytes: 2_000, rxBytesPerSecond: 1, txBytesPerSecond: 2 },
  pids: 5,
  agent: { active: true, state: 'working', since: 'now', waitingFor: null, modelProblem: null },
  ...overrides,
});

let rows: ContainerRow[];
let samples: Map<string, MetricsDto>;
let read: <Rows>(rows: Rows) => Promise<Rows>;
let registry: Registry;
let metrics: RowMetrics;

class Samples extends LatestMetrics {
  latest(id: string): MetricsDto | undefined {
    return samples.get(id);
  }
}

beforeEach(() => {
  rows = [
    containerRow({
      id: ALICE,
      name: 'alice',
      template: 'claude',
      env: { SECRET: 's3cret' },
      repoUrl: 'https://git.example/repo',
    }),
    containerRow({ id: BOB, name: 'bob', status: 'stopped' }),
  ];
  samples = new Map([[ALICE, sample()]]);
  read = async (found) => found;
  registry = new Registry();
  const containers = { listAll: () => read(rows) } as unknown as ContainersRepository;
  const jobs = {
    countUnfinished: () => read([{ name: 'clone', state: 'queued', count: 3 }]),
  } as unknown as JobsRepository;
  metrics = new RowMetrics(containers, jobs, new Samples(), registry, quietLogger());
});

async function scrape() {
  await metrics.refresh();
  return parseExposition(await registry.metrics());
}

const alice = { id: ALICE, name: 'alice', template: 'claude' };

describe('the metrics from the database', () => {
  it('show the latest sample of each container in the units of Prometheus', async () => {
    const { series } = await scrape();
    const of = (id: string) =>
      Object.fromEntries(
        series
          .filter(({ labels }) => labels['id'] === id)
          .map(({ name, value }) => [name.replace('devforge_container_', ''), value]),
      );
    expect(of(ALICE)).toEqual({
      status: 1,
      agent_state: 1,
      cpu_cores: 1.5,
      cpu_limit_cores: 2,
      memory_bytes: 100.5 * MIB,
      memory_limit_bytes: 512 * MIB,
      disk_bytes: 7 * MIB,
      disk_limit_bytes: 1024 * MIB,
      network_receive_bytes_total: 1_000,
      network_transmit_bytes_total: 2_000,
      pids: 5,
      agent_active: 1,
    });
    expect(of(BOB)).toEqual({ status: 1 });
  });

  it('have labels that only identify the container, without settings, repository or environment', async () => {
    const { find, series } = await scrape();
    expect(find('devforge_container_status')).toMatchObject([
      { labels: { ...alice, status: 'running' } },
      { labels: { id: BOB, status: 'stopped' } },
    ]);
    expect(find('devforge_container_agent_state')).toMatchObject([{ labels: { ...alice, state: 'working' } }]);
    expect(find('devforge_container_pids')).toEqual([{ name: 'devforge_container_pids', labels: alice, value: 5 }]);
    expect(JSON.stringify(series)).not.toMatch(/s3cret|SECRET|git\.example/);
  });

  it('leave out unknown values', async () => {
    samples.set(ALICE, sample({ agent: null, disk: { usedMB: null, limitMB: 1024, percent: null } }));
    const { find } = await scrape();
    for (const name of ['agent_active', 'agent_state', 'disk_bytes'])
      expect(find(`devforge_container_${name}`)).toEqual([]);
    samples.set(
      ALICE,
      sample({ agent: { active: false, state: null, since: null, waitingFor: null, modelProblem: null } }),
    );
    expect((await scrape()).find('devforge_container_agent_active')).toMatchObject([{ value: 0 }]);
  });

  it('disappear with the container, and with its former status', async () => {
    await scrape();
    rows = [containerRow({ id: BOB, name: 'bob', status: 'failed' })];
    const { find, series } = await scrape();
    expect(series.filter(({ labels }) => labels['id'] === ALICE)).toEqual([]);
    expect(find('devforge_container_status').map(({ labels }) => labels['status'])).toEqual(['failed']);
    expect(find('devforge_containers').filter(({ value }) => value > 0)).toMatchObject([
      { labels: { status: 'failed' }, value: 1 },
    ]);
  });

  it('count containers by status and unfinished jobs by name, including zeros', async () => {
    const { find } = await scrape();
    expect(find('devforge_containers')).toHaveLength(10);
    expect(find('devforge_containers', { status: 'running' })).toMatchObject([{ value: 1 }]);
    expect(find('devforge_jobs').map(({ labels, value }) => [labels['name'], labels['state'], value])).toEqual([
      ['create', 'queued', 0],
      ['create', 'active', 0],
      ['clone', 'queued', 3],
      ['clone', 'active', 0],
    ]);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('unavailable'))],
    ['does not answer', () => new Promise<never>(() => undefined)],
  ])('say only that the database is unavailable when it %s', async (_, unavailable) => {
    await scrape();
    const answers = read;
    read = unavailable;
    const { find, series } = await scrape();
    expect(series).toEqual(find('devforge_database_up'));
    expect(series).toMatchObject([{ value: 0 }]);
    read = answers;
    expect((await scrape()).find('devforge_database_up')).toMatchObject([{ value: 1 }]);
  });
});
