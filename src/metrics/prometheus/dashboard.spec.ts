import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import { readFileSync } from 'node:fs';
import type { Registry } from 'prom-client';
import { metricsOf } from '../../../test/support/prometheus/parse.js';
import { quietLogger } from '../../../test/support/quiet-logger.js';
import type { SiteAddresses } from '../../sites/site-addresses.js';
import type { LatestMetrics } from '../../usage/latest-metrics.js';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { JobsRepository } from '../../persistence/containers/jobs.repository.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { EngineMetrics } from './engine-metrics.js';
import { HttpMetrics } from './http-metrics.js';
import { JobMetrics } from './job-metrics.js';
import { createRegistry } from './registry.js';
import { RowMetrics } from './row-metrics.js';
import { SocketMetrics } from './socket-metrics.js';

interface Dashboard {
  panels: { id: number; title: string; type: string; targets?: { expr: string }[] }[];
  templating: { list: { query: string; type: string }[] };
}

const dashboard = JSON.parse(readFileSync('deploy/grafana/devforge.json', 'utf8')) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const isQuery = ({ type }: { type: string }) => type === 'query';
const expressions = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.filter(isQuery).map(({ query }) => query.replace(/^label_values\((.*), \w+\)$/, '$1')),
];

describe('the Grafana dashboard', () => {
  let served: string[];
  let registry: Registry;
  let metrics: object[];

  beforeAll(() => {
    registry = createRegistry();
    metrics = [
      new HttpMetrics({} as HttpAdapterHost, {} as SiteAddresses, registry),
      new EngineMetrics(registry),
      new JobMetrics(registry),
      new SocketMetrics(new SocketCounters(), registry),
      new RowMetrics({} as ContainersRepository, {} as JobsRepository, {} as LatestMetrics, registry, quietLogger()),
    ];
    served = registry.getMetricsAsArray().map(({ name }) => name);
  });
  afterAll(() => registry.clear());

  it('uses only metrics that are served', () => {
    const read = expressions.flatMap(metricsOf);
    expect(read.length).toBeGreaterThanOrEqual(expressions.length);
    expect(read.filter((name) => !served.includes(name))).toEqual([]);
  });

  it('uses every metric of DevForge', () => {
    expect(metrics.length).toBeGreaterThan(0);
    const read = new Set(expressions.flatMap(metricsOf));
    expect(served.filter((name) => name.startsWith('devforge_') && !read.has(name))).toEqual([]);
  });

  it('has panels with a title, a query and a unique id', () => {
    expect(panels.filter(({ targets = [], title }) => targets.length === 0 || title === '')).toEqual([]);
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the metric names in a PromQL expression', () => {
  it.each([
    ['up', ['up']],
    ['sum by (le, name) (rate(a_seconds_bucket{x=~"b_c|d"}[$__rate_interval]))', ['a_seconds']],
    ['max by (id) (a_bytes{i="x"}) / on (id) group_left (name) max by (id) (b_bytes) > bool 5', ['a_bytes', 'b_bytes']],
  ])('are found in %s', (expression, names) => {
    expect(metricsOf(expression)).toEqual(names);
  });
});
