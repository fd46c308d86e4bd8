/**
 * What DevForge adds to the engine's own create and start, and whether the API keeps its promises of speed:
 * `npm run bench -- create [--n 20] [--backend postgres|redis|both]`.
 *
 * The two sides of the ratio are measured one right after the other and in turning order, so that a busy
 * machine weighs on both. The server is the built one, in a process, with an embedded PostgreSQL of its own.
 */
import { cpus, loadavg } from 'node:os';
import type { ContainerCreateOptions } from 'dockerode';
import { ApiClient } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { EngineProxy } from '../test/support/engine-proxy/engine-proxy.js';
import { creates } from '../test/support/engine-proxy/matchers.js';
import { startRedis } from '../test/support/redis/redis-server.js';
import { BareContainers } from './support/bare-containers.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { measureListing, measurePairs, measurePosts, measureRest, measureStarts } from './support/measurements.js';
import { type Backend, type CreateBenchOptions, readOptions } from './support/options.js';
import { Report } from './support/report.js';
import { Cleanup } from './support/cleanup.js';

const ENGINE_SOCKET = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
const TITLES: Record<Backend, string> = { postgres: 'PostgreSQL (embedded)', redis: 'Redis' };
const RATIOS: Record<Backend, number> = { postgres: 1.35, redis: 1.25 };

async function bench(
  backend: Backend,
  { n, template }: CreateBenchOptions,
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
  if (backend === 'redis') {
    const redis = await startRedis();
    cleanup.add(() => redis.stop());
    env['REDIS_URL'] = redis.url;
  }
  const server = await startDevForge(env, { entry, nodeOptions: ['--max-semi-space-size=16'] });
  cleanup.add(() => server.dispose());
  const created = new CreatedContainers(new ApiClient(server.url, server.token), template);
  cleanup.add(() => created.removeAll());

  report.section(TITLES[backend]);
  const first = await created.first();
  const asked = proxy.requests.findLast(creates('workspace'))?.body as ContainerCreateOptions | undefined;
  if (asked === undefined) throw new Error('DevForge created its container without the socket it was given.');
  const bare = new BareContainers(new Engine(ENGINE_SOCKET).docker, asked, first);
  cleanup.add(() => bare.removeAll());
  await measureListing(report, created, proxy);
  await created.removeAll();

  // From here on DevForge talks to the engine itself.
  await server.restart({ DOCKER_SOCKET_PATH: ENGINE_SOCKET });
  await measurePairs(report, created, bare, n, RATIOS[backend]);
  await measurePosts(report, created, n);
  await measureRest(report, server, 'memory at rest after the work');
  await measureStarts(report, server);
  await measureRest(report, server, 'memory at rest after a start');
}

const options = readOptions(process.argv.slice(2));
const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = options.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(
    `create: template ${options.template}, n = ${options.n}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`,
  );
  for (const backend of options.backends) {
    await bench(backend, options, entry, report, cleanup);
    await cleanup.all();
  }
  if (loadavg()[0]! > cpus().length)
    console.log('\nThe machine was busy: its times are longer than they would be, the ratios hold.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = options.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
