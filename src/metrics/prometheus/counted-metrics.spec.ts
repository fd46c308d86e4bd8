import { beforeEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { parseExposition } from '../../../test/support/prometheus/parse.js';
import { jobRuns } from '../../queues/job-runs.js';
import { SocketCounters } from '../../realtime/socket-counters.js';
import { engineCalls } from '../../drivers/engine-calls.js';
import { EngineMetrics } from './engine-metrics.js';
import { JobMetrics } from './job-metrics.js';
import { SocketMetrics } from './socket-metrics.js';

let registry: Registry;
beforeEach(() => {
  registry = new Registry();
});

const counted = async (name: string) =>
  parseExposition(await registry.metrics())
    .find(name)
    .map(({ labels, value }) => [...Object.values(labels), value]);

describe('the metrics of engine calls and jobs', () => {
  it('count engine calls by operation and outcome until the application shuts down', async () => {
    const metrics = new EngineMetrics(registry);
    metrics.onModuleInit();
    for (const seconds of [0.001, 0.3]) engineCalls.publish({ operation: 'start container', outcome: 'ok', seconds });
    engineCalls.publish({ operation: 'start container', outcome: 'not_found', seconds: 1 });
    metrics.onModuleDestroy();
    engineCalls.publish({ operation: 'start container', outcome: 'ok', seconds: 1 });
    expect(await counted('devforge_engine_call_duration_seconds_count')).toEqual([
      ['start container', 'ok', 2],
      ['start container', 'not_found', 1],
    ]);
    const { find } = parseExposition(await registry.metrics());
    expect(find('devforge_engine_call_duration_seconds_bucket', { outcome: 'ok', le: '0.25' })).toMatchObject([
      { value: 1 },
    ]);
  });

  it('count job runs by job and outcome until the application shuts down', async () => {
    const metrics = new JobMetrics(registry);
    metrics.onModuleInit();
    for (const outcome of ['done', 'retry', 'done'] as const)
      jobRuns.publish({ name: 'create', outcome, seconds: 0.2 });
    metrics.onModuleDestroy();
    jobRuns.publish({ name: 'create', outcome: 'done', seconds: 1 });
    expect(await counted('devforge_job_run_duration_seconds_count')).toEqual([
      ['create', 'done', 2],
      ['create', 'retry', 1],
    ]);
  });
});

describe('the metrics of sockets', () => {
  it('have the values of the counters at the time of the scrape', async () => {
    const counters = new SocketCounters();
    const metrics = new SocketMetrics(counters, registry);
    let subscriptions = 1;
    counters.connected = 3;
    counters.countSubscriptions('logs', () => subscriptions);
    counters.sent.set('logs:update', 40);
    counters.superseded.set('metrics:update', 5);
    counters.droppedLines = 7;
    metrics.refresh();
    subscriptions = 2;
    counters.sent.set('logs:update', 41);
    metrics.refresh();
    expect(await counted('devforge_sockets_connected')).toEqual([[3]]);
    expect(await counted('devforge_socket_subscriptions')).toEqual([['logs', 2]]);
    expect(await counted('devforge_socket_messages_sent_total')).toEqual([['logs:update', 41]]);
    expect(await counted('devforge_socket_messages_dropped_total')).toEqual([['metrics:update', 5]]);
    expect(await counted('devforge_socket_log_lines_dropped_total')).toEqual([[7]]);
  });
});
