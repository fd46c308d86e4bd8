/**
 * What the way into VS Code costs: `npm run bench -- proxy [--n 15000]`.
 *
 * The same code-server is asked through DevForge, through nginx and at its own address, one right after the other and in
 * turning order, so that a busy machine weighs on all. Directly means from the host, over the bridge: for that a
 * second one of the same program listens on a port of the container, where DevForge's own has only a Unix socket.
 */
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { BrowserClient } from '../test/support/editor/browser-client.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { usageOf } from './support/process-usage.js';
import { ask, load, type Load, type Target } from './support/proxy/load.js';
import { startNginx } from './support/proxy/nginx.js';
import {
  difference,
  type Participants,
  processorTime,
  type ProcessorTime,
  sum,
} from './support/proxy/processor-time.js';
import { Report } from './support/report.js';
import { median, summarise } from './support/statistics.js';
import { Cleanup } from './support/cleanup.js';

const ROUNDS = 15;
const AT_ONCE = 8;
const WARM_UP = 3_000;
const DIRECT_PORT = 13_999;
const FILE_PORT = 4_000;
const FILE_MB = 100;
const PEEK_MS = 20;
const DIRECT = `setsid env -u PORT code-server --config /etc/devforge/code-server.yaml --host 0.0.0.0 --port ${DIRECT_PORT} --user-data-dir /tmp/direct /workspace > /tmp/direct.log 2>&1 < /dev/null &
until curl -sf -o /dev/null http://127.0.0.1:${DIRECT_PORT}/healthz; do sleep 0.1; done`;
const FILE_SERVER = `setsid node -e "$0" > /dev/null 2>&1 < /dev/null & until curl -s -o /dev/null http://127.0.0.1:${FILE_PORT}/small; do sleep 0.05; done`;
const FILE_PROGRAM = `
  const chunk = Buffer.alloc(65536, 'x');
  require('node:http').createServer(async (request, response) => {
    for (let left = request.url === '/small' ? 1 : ${FILE_MB} * 16; left > 0; left--) if (!response.write(chunk)) await new Promise((drained) => response.once('drain', drained));
    response.end();
  }).listen(${FILE_PORT}, '127.0.0.1');`;

interface Sides {
  proxied: Target;
  nginx: Target;
  direct: Target;
}
type Side = keyof Sides;
const SIDES: readonly Side[] = ['proxied', 'nginx', 'direct'];

const NONE: ProcessorTime = { devforge: 0, nginx: 0, container: 0, client: 0 };

async function compare(
  report: Report,
  label: string,
  targets: Sides,
  n: number,
  processors: () => Promise<ProcessorTime>,
): Promise<void> {
  const runs: Record<Side, Load[]> = { proxied: [], nginx: [], direct: [] };
  const alone: Record<Side, number[]> = { proxied: [], nginx: [], direct: [] };
  const spent: Record<Side, ProcessorTime> = { proxied: NONE, nginx: NONE, direct: NONE };
  for (const side of SIDES) await load(targets[side], WARM_UP, AT_ONCE);
  for (let round = 0; round < ROUNDS; round++) {
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      const before = await processors();
      runs[side].push(await load(targets[side], Math.ceil(n / ROUNDS), AT_ONCE));
      spent[side] = sum(spent[side], difference(await processors(), before));
      alone[side].push(...(await load(targets[side], Math.ceil(n / ROUNDS / 5), 1)).latencies);
    }
  }
  const ratios = (side: Side, to: Side): number[] =>
    runs[side].map(({ requestsPerSecond }, round) => requestsPerSecond / runs[to][round]!.requestsPerSecond);
  const ofDirect = ratios('proxied', 'direct');
  report.section(label);
  report.times('proxied, one at a time', summarise(alone.proxied));
  report.times('nginx, one at a time', summarise(alone.nginx));
  report.times('direct, one at a time', summarise(alone.direct));
  report.value('more in the median', median(alone.proxied) - median(alone.direct), 'ms', { atMost: 3, unit: 'ms' });
  report.value(`requests a second, ${AT_ONCE} at once: ratio`, median(ofDirect), 'x', { atLeast: 0.7, unit: 'x' });
  report.value('beside nginx', median(ratios('proxied', 'nginx')), 'x', { atLeast: 0.85, unit: 'x' });
  report.value('nginx beside direct', median(ratios('nginx', 'direct')), 'x');
  report.note(
    `proxied ${rate(runs.proxied)}/s, nginx ${rate(runs.nginx)}/s, direct ${rate(runs.direct)}/s; pairs ${ofDirect.map((each) => each.toFixed(2)).join(' ')}`,
  );
  const requests = Math.ceil(n / ROUNDS) * ROUNDS;
  for (const side of SIDES) report.note(`processor time of a request, ${side}: ${perRequest(spent[side], requests)}`);
}

const perRequest = (spent: ProcessorTime, requests: number): string =>
  Object.entries(spent)
    .map(([program, ms]) => `${program} ${((ms * 1_000) / requests).toFixed(0)} µs`)
    .join(', ');

const rate = (runs: Load[]): string => median(runs.map(({ requestsPerSecond }) => requestsPerSecond)).toFixed(0);

async function measureMemory(report: Report, pid: number, target: Target): Promise<void> {
  await ask({ ...target, path: '/small' });
  const before = (await usageOf(pid)).residentMB;
  let most = before;
  const peeking = setInterval(
    () => void usageOf(pid).then(({ residentMB }) => (most = Math.max(most, residentMB))),
    PEEK_MS,
  );
  const bytes = await ask({ ...target, path: '/large' }).finally(() => clearInterval(peeking));
  if (bytes !== FILE_MB * 1024 * 1024) throw new Error(`${bytes} bytes came of ${FILE_MB} MB.`);
  report.section(`${FILE_MB} MB through the proxy`);
  report.value('more memory at most', most - before, 'MB', { atMost: 32, unit: 'MB' });
}

const { values } = parseArgs({
  options: { n: { type: 'string', default: '15000' }, strict: { type: 'boolean', default: false } },
});
const n = Number(values.n);
const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`proxy: n = ${n}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const server = await startDevForge(
    { NODE_ENV: 'production', ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }) },
    { entry, nodeOptions: ['--max-semi-space-size=16'] },
  );
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const created = new CreatedContainers(api, 'both');
  cleanup.add(() => created.removeAll());
  const container = await created.first();
  const engine = new Engine();
  for (const [script, ...words] of [[DIRECT], [FILE_SERVER, FILE_PROGRAM]])
    await engine.exec(container.dockerId!, ['sh', '-c', script!, ...words], { user: '1000' });
  const inspected = await engine.inspect(container.dockerId!);
  const address = Object.values(inspected.NetworkSettings.Networks)[0]!.IPAddress;

  const siteOf = async (action: string): Promise<Omit<Target, 'path'>> => {
    const { url } = ok(await api.request<{ url: string }>('POST', `/api/containers/${container.id}/${action}`));
    const browser = new BrowserClient(server.url);
    await browser.signIn(url);
    return {
      hostname: '127.0.0.1',
      port: Number(new URL(server.url).port),
      headers: { Host: new URL(url).host, Cookie: browser.cookie! },
    };
  };
  const proxied = await siteOf('editor');
  const direct = { hostname: address, port: DIRECT_PORT, headers: {} };
  const nginx = await startNginx(direct);
  cleanup.add(() => nginx.dispose());
  const sides = (path: string): Sides => ({
    proxied: { ...proxied, path },
    nginx: { hostname: nginx.hostname, port: nginx.port, headers: {}, path },
    direct: { ...direct, path },
  });
  const participants: Participants = { devforge: server.pid, nginx: nginx.pid, container: container.dockerId! };
  const processors = (): Promise<ProcessorTime> => processorTime(engine, participants);
  const assetPath = '/_static/src/browser/media/pwa-icon-512.png';
  await compare(report, 'the page of VS Code', sides('/?folder=/workspace'), n, processors);
  await compare(report, `a file (${await ask(sides(assetPath).direct)} bytes)`, sides(assetPath), n, processors);
  await measureMemory(report, server.pid, { ...(await siteOf(`ports/${FILE_PORT}/preview`)), path: '/' });
  if (loadavg()[0]! > cpus().length)
    console.log('\nThe machine was busy: its times are longer than they would be, the ratios hold.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
