/**
 * How logs are followed: `npm run bench -- logs [--lines 2000000] [--pairs 3] [--megabytes 300]`.
 *
 * A process in one container writes short numbered lines as fast as the engine takes them, to Docker's own client and to
 * a subscription over Socket.io in turn. Then a third reader is paused while much is written. The server is the built
 * one, in a process, with an embedded PostgreSQL of its own.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { measurePaused, measurePairs } from './support/logs/measurements.js';
import { type LogsBenchOptions, readOptions } from './support/logs/options.js';
import { Report } from './support/report.js';
import { Cleanup } from './support/cleanup.js';

const ENGINE_SOCKET = process.env['DOCKER_SOCKET_PATH'] ?? '/var/run/docker.sock';
const REST_MS = 5_000;

async function bench(
  { lines, pairs, megabytes, template }: LogsBenchOptions,
  entry: string,
  report: Report,
  cleanup: Cleanup,
): Promise<void> {
  const env: Record<string, string> = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    DOCKER_HOST: '',
    DOCKER_SOCKET_PATH: ENGINE_SOCKET,
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
  const created = new CreatedContainers(new ApiClient(server.url, server.token), template);
  cleanup.add(() => created.removeAll());
  const container = await created.first();
  const around = { server, engine: new Engine(ENGINE_SOCKET), engineSocket: ENGINE_SOCKET, container };
  await sleep(REST_MS);

  report.section(`${lines} short lines, followed`);
  await measurePairs(report, around, lines, pairs);
  report.section(`${megabytes} MB, one reader paused`);
  await measurePaused(report, around, megabytes);
}

const options = readOptions(process.argv.slice(2));
const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = options.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`logs: template ${options.template}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  await bench(options, entry, report, cleanup);
  if (loadavg()[0]! > cpus().length)
    console.log('\nThe machine was busy: its times are longer than they would be, the ratios hold.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = options.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
