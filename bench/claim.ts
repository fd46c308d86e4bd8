/**
 * How fast a container gets a workspace that was created ahead, beside the engine's own create and start:
 * `npm run bench -- claim [--n 20] [--pool 20] [--entry dist/main.js] [--strict]`.
 *
 * One at a time, both sides right after each other and in turning order, while the pool is full and nothing is being made;
 * then as many at once as the pool has.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { ContainerCreateOptions } from 'dockerode';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { EngineProxy } from '../test/support/engine-proxy/engine-proxy.js';
import { creates } from '../test/support/engine-proxy/matchers.js';
import { parseExposition } from '../test/support/prometheus/parse.js';
import { BareContainers } from './support/bare-containers.js';
import { builtServer } from './support/build.js';
import { Cleanup } from './support/cleanup.js';
import { CreatedContainers } from './support/created.js';
import { usageOf } from './support/process-usage.js';
import { Report } from './support/report.js';
import { median, summarise, timed } from './support/statistics.js';

const ENGINE_SOCKET = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
const USAGE = 'npm run bench -- claim [--n 20] [--pool 20] [--entry dist/main.js] [--strict]';
const WARM_UP = 3;
const FILL_MS = 300_000;
const REST_MS = 20_000;

const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '20' },
    pool: { type: 'string', default: '20' },
    entry: { type: 'string' },
    strict: { type: 'boolean', default: false },
  },
});
const [n, size] = [Number(values.n), Number(values.pool)];
if (![n, size].every((value) => Number.isInteger(value) && value > 0)) throw new Error(USAGE);

const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = values.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  const proxy = await EngineProxy.start(ENGINE_SOCKET);
  cleanup.add(() => proxy.close());
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const env = {
    NODE_ENV: 'production',
    RATE_LIMIT_CREATES: '0',
    ...proxy.env,
    ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }),
  };
  const server = await startDevForge(env, { entry, nodeOptions: ['--max-semi-space-size=16'] });
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const created = new CreatedContainers(api, 'claude');
  console.log(`claim: n = ${n}, a pool of ${size}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);

  const inPool = async (state?: string): Promise<number> => {
    const metrics = parseExposition(ok(await api.request<string>('GET', '/metrics')));
    const found = metrics.find('devforge_warm_pool_workspaces', state === undefined ? {} : { state });
    return found.reduce((sum, { value }) => sum + value, 0);
  };
  const settled = async (count: number): Promise<void> => {
    const end = Date.now() + FILL_MS;
    while ((await inPool('ready')) !== count || (await inPool()) !== count) {
      if (Date.now() > end) throw new Error(`The pool does not have ${count} workspaces.`);
      await sleep(250);
    }
  };
  /** Milliseconds of processor time in a minute, and memory. */
  const atRest = async (): Promise<{ processorMs: number; residentMB: number }> => {
    await sleep(REST_MS);
    const before = await usageOf(server.pid);
    await sleep(REST_MS);
    const after = await usageOf(server.pid);
    const processorMs = ((after.processorMs - before.processorMs) * 60_000) / REST_MS;
    return { processorMs, residentMB: after.residentMB };
  };

  const first = await created.first();
  const asked = proxy.requests.findLast(creates('workspace'))?.body as ContainerCreateOptions | undefined;
  if (asked === undefined) throw new Error('DevForge created its container without the socket it was given.');
  const bare = new BareContainers(new Engine(ENGINE_SOCKET).docker, asked, first);
  cleanup.add(() => bare.removeAll());
  await created.removeAll();
  const direct = { DOCKER_SOCKET_PATH: ENGINE_SOCKET };
  await server.restart(direct);
  const empty = await atRest();
  await server.restart({ WARM_POOL: `claude=${size}` });
  cleanup.add(async () => {
    await created.removeAll();
    await server.restart({ WARM_POOL: '' });
    await settled(0);
  });
  await settled(size);
  const full = await atRest();

  report.section('one at a time, from a full pool');
  const times: Record<'bare' | 'warm' | 'exec', number[]> = { bare: [], warm: [], exec: [] };
  for (let pair = 0; pair < WARM_UP + n; pair++) {
    await settled(size);
    const sides = [
      async () => times.bare.push(await bare.measure()),
      async () => {
        const { ms, container } = await created.untilRunning();
        if (container.provisioning !== 'warm') throw new Error('The pool had none.');
        times.warm.push(ms);
        const body = { command: ['true'] };
        const exec = await timed(() => api.request('POST', `/api/containers/${container.id}/exec`, { body }));
        ok(exec.result);
        times.exec.push(exec.ms);
      },
    ];
    for (const side of pair % 2 === 0 ? sides : sides.toReversed()) await side();
    await created.removeAll();
  }
  const [ofBare, warm, exec] = [times.bare, times.warm, times.exec].map((all) => all.slice(WARM_UP)) as [
    number[],
    number[],
    number[],
  ];
  report.times('bare create and start', summarise(ofBare));
  report.times('POST until running', summarise(warm), { atMost: 90, unit: 'ms' });
  report.value('  its p95', summarise(warm).p95, 'ms', { atMost: 200, unit: 'ms' });
  report.value('  beside the engine', median(warm) / median(ofBare), 'x', { atMost: 0.3, unit: 'x' });
  report.times('an exec right after', summarise(exec), { atMost: 50, unit: 'ms' });

  report.section(`${size} at once, from a pool of ${size}`);
  await settled(size);
  const all = await Promise.all(Array.from({ length: size }, () => created.untilRunning()));
  const ofAll = summarise(all.map(({ ms }) => ms));
  const isWarm = all.filter(({ container }) => container.provisioning === 'warm').length;
  report.times('POST until running', ofAll);
  report.value('  its p95', ofAll.p95, 'ms', { atMost: 500, unit: 'ms' });
  report.value('of them warm', isWarm, '', { atLeast: size, unit: '' });

  report.section('the pool at rest');
  report.value('more memory of DevForge', full.residentMB - empty.residentMB, 'MB', { atMost: 30, unit: 'MB' });
  report.value('processor time a minute, without', empty.processorMs, 'ms');
  report.value('processor time a minute, with it', full.processorMs, 'ms');
  report.value('  more, of a core', ((full.processorMs - empty.processorMs) / 60_000) * 100, '%', {
    atMost: 1,
    unit: '%',
  });
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
