/**
 * What DevForge adds to Claude Code, and how fast it tells what was done: `npm run bench -- instruction [--n 20]`.
 *
 * From the POST to the first event at the client, beside the same command run by `docker exec` in the same container,
 * one right after the other and in turning order, so that a busy machine weighs on both. Then 100,000 events of one
 * instruction, taken in from the container and replayed. The model is played; all else is real.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { InstructionsClient } from '../test/support/instructions/instructions-client.js';
import { startMessagesApi } from '../test/support/messages-api/messages-api.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { measureFirstEvents } from './support/first-events.js';
import { measureManyEvents } from './support/many-events.js';
import { Report } from './support/report.js';
import { Cleanup } from './support/cleanup.js';

const USAGE = 'npm run bench -- instruction [--n 20] [--events 100000] [--entry dist/main.js] [--strict]';
const { values } = parseArgs({
  options: {
    n: { type: 'string', default: '20' },
    events: { type: 'string', default: '100000' },
    entry: { type: 'string' },
    strict: { type: 'boolean', default: false },
  },
});
const [n, events] = [Number(values.n), Number(values.events)];
if (!Number.isInteger(n) || n < 1 || !Number.isInteger(events) || events < 1_000) throw new Error(USAGE);

const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = values.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`instruction: n = ${n}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  const models = await startMessagesApi();
  cleanup.add(() => models.close());
  const model = models.model('bench');
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const env: Record<string, string> = {
    NODE_ENV: 'production',
    LOG_LEVEL: 'info',
    ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }),
  };
  const server = await startDevForge(env, { entry, nodeOptions: ['--max-semi-space-size=16'] });
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const created = new CreatedContainers(api, 'claude', { mode: 'autonomous', env: model.env });
  cleanup.add(() => created.removeAll());
  const container = await created.first();
  const instructions = new InstructionsClient(api, server.token);

  report.section('First event');
  await measureFirstEvents(report, { instructions, container, model }, n);
  report.section(`${events} events`);
  await measureManyEvents(report, { instructions, container, model, engine: new Engine(), server }, events);
  ok(await api.remove(container.id));

  if (loadavg()[0]! > cpus().length)
    console.log('\nThe machine was busy: its times are longer than they would be, the ratios hold.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
