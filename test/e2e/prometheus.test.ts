import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { GitServers } from '../support/git/git-servers.js';
import { type Exposition, metricsOf, parseExposition } from '../support/prometheus/parse.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const MIB = 1024 * 1024;
/** Containers without subscribers are sampled every five seconds. */
const SAMPLE_TIMEOUT_MS = 8_000;
const HTTP_COUNT = 'devforge_http_request_duration_seconds_count';
/** Engine calls per second without a scrape. */
const MAX_BACKGROUND_CALLS = 10;

const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
  name: uniqueName('prom'),
  template: 'claude',
  cpuLimit: 1,
  memoryLimit: 256,
  ...extra,
});

describe('the Prometheus endpoint', () => {
  let server: TestServer;
  let proxy: EngineProxy;
  let git: GitServers;
  let container: Container;

  const raw = async (): Promise<string> => ok(await server.api.request<string>('GET', '/metrics'));
  const scrape = async (): Promise<Exposition> => parseExposition(await raw());
  const seriesOf = ({ series }: Exposition, id: string) => series.filter(({ labels }) => labels['id'] === id);
  const routes = (exposition: Exposition) => new Set(exposition.find(HTTP_COUNT).map(({ labels }) => labels['route']));

  beforeAll(async () => {
    proxy = await EngineProxy.start();
    server = await startTestServer(proxy.env);
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
    const body = wanted({
      repoType: 'clone',
      repoUrl: git.url('https', 'open'),
      env: { MY_SECRET: 'not-for-everybody' },
    });
    container = ok(await server.api.create(body, { prefer: 'wait=60' }));
    expect(container.status).toBe('running');
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([proxy?.close(), git?.close()]);
  }, 60_000);

  it('requires the token', async () => {
    const response = await new ApiClient(server.devforge.url, null).request('GET', '/metrics');
    expect([response.status, problem(response).code]).toEqual([401, 'unauthorized']);
  });

  it('serves text format 0.0.4 with every metric that the dashboard uses', async () => {
    const response = await server.api.request<string>('GET', '/metrics');
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const { types } = parseExposition(ok(response));
    const dashboard = JSON.parse(await readFile('deploy/grafana/devforge.json', 'utf8')) as {
      panels: { targets?: { expr: string }[] }[];
    };
    const read = dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsOf(expr)));
    expect(read.length).toBeGreaterThan(20);
    expect(read.filter((name) => !types.has(name))).toEqual([]);
  });

  it('shows the usage of a running container and none of its secrets', async () => {
    const identity = { id: container.id, name: container.name, template: 'claude' };
    const exposition = await until(
      'a sample',
      async () => {
        const found = await scrape();
        return found.find('devforge_container_disk_bytes', identity).length === 1 && found;
      },
      SAMPLE_TIMEOUT_MS,
    );
    const value = (name: string) => exposition.find(`devforge_container_${name}`, identity)[0]?.value;
    expect(exposition.find('devforge_container_status', identity)).toMatchObject([
      { labels: { status: 'running' }, value: 1 },
    ]);
    expect([
      value('cpu_limit_cores'),
      value('memory_limit_bytes'),
      value('disk_limit_bytes'),
      value('agent_active'),
    ]).toEqual([1, 256 * MIB, 10_240 * MIB, 0]);
    expect(value('memory_bytes')).toBeGreaterThan(0);
    expect(value('memory_bytes')).toBeLessThan(256 * MIB);
    for (const name of ['pids', 'disk_bytes', 'network_receive_bytes_total', 'network_transmit_bytes_total'])
      expect({ name, value: value(name) }).toEqual({ name, value: expect.any(Number) });
    expect(value('pids')).toBeGreaterThanOrEqual(1);
    const text = await raw();
    for (const secret of ['MY_SECRET', 'not-for-everybody', container.repoUrl!, server.devforge.token])
      expect(text).not.toContain(secret);
  });

  it('shows the current status, and drops a container as soon as it is deleted', async () => {
    const { id } = ok(await server.api.create(wanted(), { prefer: 'wait=60' }));
    await until(
      'a sample',
      async () => (await scrape()).find('devforge_container_pids', { id }).length === 1,
      SAMPLE_TIMEOUT_MS,
    );
    ok(await server.api.stop(id));
    const stopped = await scrape();
    expect(seriesOf(stopped, id)).toMatchObject([{ name: 'devforge_container_status', labels: { status: 'stopped' } }]);
    expect(stopped.find('devforge_containers', { status: 'stopped' })).toMatchObject([{ value: 1 }]);
    expect((await server.api.remove(id)).status).toBe(204);
    const after = await raw();
    expect(after).not.toContain(id);
    expect(parseExposition(after).find('devforge_containers', { status: 'stopped' })).toMatchObject([{ value: 0 }]);
  });

  it('counts job runs and engine calls', async () => {
    const exposition = await scrape();
    const count = (name: string, labels: Record<string, string>) =>
      exposition.find(`${name}_count`, labels)[0]?.value ?? 0;
    for (const name of ['create', 'clone'])
      expect(count('devforge_job_run_duration_seconds', { name, outcome: 'done' })).toBeGreaterThanOrEqual(1);
    expect(exposition.find('devforge_jobs').map(({ value }) => value)).toEqual([0, 0, 0, 0]);
    for (const operation of ['create container', 'start container', 'remove container', 'exec', 'ping']) {
      expect(count('devforge_engine_call_duration_seconds', { operation, outcome: 'ok' })).toBeGreaterThanOrEqual(1);
    }
    const operations = exposition
      .find('devforge_engine_call_duration_seconds_count')
      .map(({ labels }) => labels['operation']!);
    expect(operations.join()).not.toContain(container.dockerId!.slice(0, 12));
  });

  it('counts sockets, their subscriptions and their messages', async () => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    for (const event of ['subscribe:status', 'subscribe:logs', 'subscribe:metrics'])
      await client.ask(event, { containerId: container.id });
    await until('metrics', () => client.all('metrics:update').length > 0);
    const during = await scrape();
    expect(during.find('devforge_sockets_connected')).toMatchObject([{ value: 1 }]);
    for (const kind of ['status', 'logs', 'metrics'])
      expect(during.find('devforge_socket_subscriptions', { kind })).toMatchObject([{ value: 1 }]);
    for (const event of ['logs:initial', 'metrics:update'])
      expect(during.find('devforge_socket_messages_sent_total', { event })[0]!.value).toBeGreaterThanOrEqual(1);
    client.close();
    await until('the client to be gone', async () => {
      const { find } = await scrape();
      return (
        find('devforge_sockets_connected')[0]!.value === 0 &&
        find('devforge_socket_subscriptions').every(({ value }) => value === 0)
      );
    });
  });

  it('has one label for all unknown paths', async () => {
    const before = await scrape();
    const nobody = new ApiClient(server.devforge.url, null);
    for (let at = 0; at < 100; at++) {
      await nobody.request('GET', `/${uniqueName('path')}/${at}`);
      await server.api.get(uniqueName('nobody'));
      await nobody.request('GET', `/editor/${uniqueName('x')}/${at}`);
    }
    await server.api.request('POST', '/api/containers', {
      body: '{bad',
      headers: { 'content-type': 'application/json' },
    });
    await new Promise((resolve) =>
      httpRequest(`${server.devforge.url}/x`, { method: 'PROPFIND' }, (response) =>
        response.resume().on('end', resolve),
      ).end(),
    );
    const after = await scrape();
    const allowed = new Set([...routes(before), 'unmatched', '/api/containers/:id', 'site']);
    expect([...routes(after)].filter((route) => !allowed.has(route))).toEqual([]);
    const sum = (labels: Record<string, string>) =>
      after.find(HTTP_COUNT, labels).reduce((total, { value }) => total + value, 0);
    expect(sum({ route: 'unmatched', status: '4xx' })).toBeGreaterThanOrEqual(101);
    expect(sum({ route: '/api/containers', method: 'POST', status: '4xx' })).toBeGreaterThanOrEqual(1);
    expect(sum({ route: 'site', status: '4xx' })).toBeGreaterThanOrEqual(100);
    expect(sum({ route: '/api/containers/:id', method: 'GET', status: '4xx' })).toBeGreaterThanOrEqual(100);
    expect(sum({ method: 'other' })).toBe(1);
    for (const { labels } of after.find(HTTP_COUNT)) expect(labels['status']).toMatch(/^([1-5]xx|aborted)$/);
  }, 60_000);

  it('makes no engine calls', async () => {
    const before = proxy.requests.length;
    for (let at = 0; at < 100; at++) await raw();
    expect(proxy.requests.length - before).toBeLessThan(MAX_BACKGROUND_CALLS);
  });
});
