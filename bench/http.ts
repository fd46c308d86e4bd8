/**
 * What a request costs beside the release before, and what a flood by one client costs another:
 * `npm run bench -- http [--rounds 5] [--seconds 3]`.
 *
 * Both servers are built ones, in processes of their own, each with an embedded PostgreSQL. What one request costs is measured by
 * requests to all of them in turn, so that what else the machine does slows all alike; the last caller is the first one once
 * more, and shows how precise that is. Their base image is not at the engine, and its pull is held back, so that the
 * containers of both are rows that wait. Those that one load has made are deleted before the next one, so that the load after
 * it finds as many as its own. No limit is reached but in the flood, which meets the limits that a server has by default.
 */
import { parseArgs } from 'node:util';
import { cpus, loadavg } from 'node:os';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { EngineProxy } from '../test/support/engine-proxy/engine-proxy.js';
import { previousRelease } from '../test/support/upgrade/previous-release.js';
import { builtServer } from './support/build.js';
import { Cleanup } from './support/cleanup.js';
import { type Load, send } from './support/http/load.js';
import { sendInTurn } from './support/http/pairs.js';
import { databaseOf, deleteContainersAfter } from './support/http/rows.js';
import { Report } from './support/report.js';
import { median } from './support/statistics.js';

const ROWS = 50;
const NO_LIMITS = {
  RATE_LIMIT_REQUESTS: '0',
  RATE_LIMIT_CREATES: '0',
  RATE_LIMIT_MESSAGES: '0',
  MAX_QUEUED: '0',
};
/** A limit that is never reached, so that its cost is in the figures. */
const HIGH_LIMITS = {
  ...NO_LIMITS,
  RATE_LIMIT_REQUESTS: '1000000',
  RATE_LIMIT_CREATES: '1000000',
  MAX_QUEUED: '1000000',
};
const MAX_MORE_MS = 0.3;
const MAX_FLOODED = 2;

interface Rounds {
  rounds: number;
  seconds: number;
}

interface Caller {
  label: string;
  isNow: boolean;
  database: ReturnType<typeof databaseOf>;
  url: string;
  token: string;
  container: string;
}

let names = 0;
const body = (): object => ({ name: `bench-${process.pid}-${(names += 1)}`, template: 'claude' });

async function startServer(cleanup: Cleanup, env: Record<string, string>, entry: string) {
  const proxy = await EngineProxy.start();
  cleanup.add(() => proxy.close());
  proxy.hold(({ method, url }) => method === 'POST' && /\/images\/create\b/.test(url), 'before');
  const server = await startDevForge(
    { NODE_ENV: 'production', LOG_LEVEL: 'info', BASE_IMAGE: 'devforge-bench:absent', ...proxy.env, ...env },
    { entry, nodeOptions: ['--max-semi-space-size=16'] },
  );
  cleanup.add(() => server.dispose());
  const database = databaseOf(server);
  const api = new ApiClient(server.url, server.token);
  for (let at = 0; at < ROWS; at += 1) ok(await api.create(body() as never));
  return { server, database, api, container: ok(await api.list({ limit: 1 })).items[0]!.id };
}

async function withKey(api: ApiClient): Promise<string> {
  const answer = await api.request<{ key: string }>('POST', '/api/api-keys', {
    body: { name: 'bench', role: 'member' },
  });
  return ok(answer).key;
}

/** Measures all callers in every round, beginning with another one each time. The first is compared with the others. */
async function compare(
  report: Report,
  callers: Caller[],
  request: (caller: Caller) => Pick<Load, 'url' | 'method' | 'body'>,
  { rounds, seconds }: Rounds,
): Promise<void> {
  const loads = callers.map((caller) => ({ ...request(caller), token: caller.token }));
  const single = callers.map((): number[] => []);
  const rates = callers.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    const since = new Date();
    const times = await sendInTurn(loads, seconds * callers.length);
    times.forEach((each, at) => single[at]!.push(...each));
    for (const { database } of callers) await deleteContainersAfter(since, database);
    for (let turn = 0; turn < callers.length; turn += 1) {
      const at = (round + turn) % callers.length;
      rates[at]!.push((await send({ ...loads[at]!, seconds, connections: 10 })).perSecond);
      await deleteContainersAfter(since, callers[at]!.database);
    }
  }
  callers.forEach(({ label, isNow }, at) => {
    const more = median(single[at]!.map((ms, turn) => ms - single[0]![turn]!));
    const times = median(rates[at]!.map((rate, round) => rate / rates[0]![round]!));
    report.value(`${label}: one at a time`, median(single[at]!), 'ms');
    if (at > 0) report.value('  more than before', more, 'ms', isNow ? { atMost: MAX_MORE_MS, unit: 'ms' } : undefined);
    report.value(`${label}: a second, of 10`, Math.round(median(rates[at]!)), '');
    if (at > 0) report.value('  beside before', times, 'x');
  });
}

export async function measureFlood(
  report: Report,
  cleanup: Cleanup,
  entry: string,
  { rounds, seconds }: Rounds,
): Promise<void> {
  const { server, api, container } = await startServer(cleanup, { RATE_LIMIT_CREATES: '0', MAX_QUEUED: '0' }, entry);
  const [flooding, quiet] = [await withKey(api), await withKey(api)];
  const url = `${server.url}/api/containers/${container}`;
  const client: Load = { url, token: quiet, connections: 2, seconds, rate: 20 };
  const FLOODS = [10, 50];
  const [alone, beside] = [[] as number[], new Map(FLOODS.map((connections) => [connections, [] as number[]]))];
  let floods = '';
  for (let round = 0; round < rounds; round += 1) {
    alone.push((await send(client)).p95Ms);
    for (const connections of FLOODS) {
      const flood = send({ url, token: flooding, connections, seconds: seconds + 4 });
      // What may come at once is used up by then, where the machine is fast enough.
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      beside.get(connections)!.push((await send(client)).p95Ms);
      const { perSecond, others } = await flood;
      floods += `${connections}: ${Math.round(perSecond)} answers a second, ${others} refusals; `;
    }
  }
  report.value('alone, p95', median(alone), 'ms');
  for (const [connections, p95s] of beside) {
    report.value(`beside a flood of ${connections}, p95`, median(p95s), 'ms');
    const times = median(p95s.map((p95, round) => p95 / alone[round]!));
    report.value('  times alone', times, 'x', { atMost: MAX_FLOODED, unit: 'x' });
  }
  report.note(`the floods got ${floods}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
  });
  const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) };
  const cleanup = new Cleanup();
  const report = new Report();
  try {
    const [entry, { entry: entryBefore }] = [await builtServer(), await previousRelease()];
    console.log(`${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`);
    const before = await startServer(cleanup, {}, entryBefore);
    const now = await startServer(cleanup, HIGH_LIMITS, entry);
    const caller = (label: string, started: typeof before, token = started.server.token): Caller => ({
      ...started,
      label,
      isNow: started === now,
      url: started.server.url,
      token,
    });
    const callers = [
      caller('before', before),
      caller('now, administrator', now),
      caller('now, API key', now, await withKey(now.api)),
      caller('before, once more', before),
    ];
    report.section('GET /api/containers/:id');
    await compare(report, callers, ({ url, container }) => ({ url: `${url}/api/containers/${container}` }), options);
    report.section(`GET /api/containers, ${ROWS} of them`);
    await compare(report, callers, ({ url }) => ({ url: `${url}/api/containers?limit=${ROWS}` }), options);
    report.section('POST /api/containers');
    await compare(report, callers, ({ url }) => ({ url: `${url}/api/containers`, method: 'POST', body }), options);
    report.section('A client beside a flood by another one');
    await measureFlood(report, cleanup, entry, { ...options, seconds: Math.max(6, options.seconds) });
  } finally {
    await cleanup.all();
  }
  if (report.missed.length > 0) console.log(`\nMissed: ${report.missed.join('; ')}`);
}

if (!process.argv[1]!.includes('tmp-')) await main();
