/**
 * What it costs to watch containers: `npm run bench -- metrics [--containers 50] [--sockets 200] [--each 5]`.
 *
 * The list with metrics is measured beside `docker stats` over the same containers, then the server's processor time,
 * its calls to the engine and the lateness of updates with nobody watching, with one subscription for each socket, and
 * with all of them. The server is the built one, in a process, with an embedded PostgreSQL of its own; the clients are
 * in a process of their own.
 */
import { cpus, loadavg } from 'node:os';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { until } from '../test/support/e2e/until.js';
import { EngineProxy } from '../test/support/engine-proxy/engine-proxy.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { ClientProcess } from './support/metrics/client-process.js';
import { measureList, measureWindow, reportWindows, subscribe } from './support/metrics/measurements.js';
import { type MetricsBenchOptions, readOptions } from './support/metrics/options.js';
import { Report } from './support/report.js';
import { timed } from './support/statistics.js';
import { Cleanup } from './support/cleanup.js';

const ENGINE_SOCKET = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
const CREATE_AT_ONCE = 4;

async function bench(
  { containers, sockets, each, seconds, template }: MetricsBenchOptions,
  entry: string,
  report: Report,
  cleanup: Cleanup,
): Promise<void> {
  const proxy = await EngineProxy.start(ENGINE_SOCKET);
  cleanup.add(() => proxy.close());
  const env: Record<string, string> = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    ...proxy.env,
  };
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  if (ca !== undefined) env['EXTRA_CA_CERTS'] = ca;
  const profile = process.env['DEVFORGE_BENCH_PROFILE'];
  const server = await startDevForge(env, {
    entry,
    nodeOptions: [
      '--max-semi-space-size=16',
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
    ],
  });
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const created = new CreatedContainers(api, template);
  cleanup.add(() => created.removeAll());

  report.section(`${containers} containers`);
  await created.first();
  const { ms, result } = await timed(() => created.fill(containers, CREATE_AT_ONCE));
  report.value(`${containers - 1} created, all run`, ms, 'ms');
  const ids = result.map(({ id }) => id);
  await until(
    'every container to be sampled',
    async () => ok(await api.list({ limit: containers, includeMetrics: true })).items.every(({ metrics }) => metrics),
    30_000,
  );
  await measureList(
    report,
    created,
    result.map(({ dockerId }) => dockerId!),
    server.pid,
    ENGINE_SOCKET,
  );

  const windowMs = seconds * 1_000;
  const windows = [await measureWindow(0, windowMs, server.pid, proxy, undefined)];
  const clients = ClientProcess.start();
  cleanup.add(() => clients.stop());
  await clients.connect(server.url, server.token, sockets);
  for (const subscriptions of new Set([1, each])) {
    await subscribe(clients, ids, subscriptions);
    windows.push(await measureWindow(sockets * subscriptions, windowMs, server.pid, proxy, clients));
  }
  report.section(`${sockets * each} subscriptions of ${sockets} sockets`);
  reportWindows(report, windows, containers, windowMs);
  await clients.stop();
}

const options = readOptions(process.argv.slice(2));
const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = options.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`metrics: template ${options.template}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  await bench(options, entry, report, cleanup);
  if (loadavg()[0]! > cpus().length) console.log('\nThe machine was busy: its times are longer than they would be.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = options.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
