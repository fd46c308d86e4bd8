/**
 * What the egress gateway costs: `npm run bench -- gateway [--size 1024] [--rounds 7] [--n 200] [--workspaces 50]`.
 *
 * The same server is asked from an open workspace and from a restricted one, one right after the other and in turning order.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { MODEL_API_URL, NO_SECRETS, type WorkspaceEgress } from '../src/drivers/workspace-egress.js';
import type { WorkspaceRef } from '../src/drivers/workspace.js';
import { EgressRoom } from '../test/support/egress/egress-room.js';
import { dockerBridgeAddress } from '../test/support/git/addresses.js';
import { TestAuthority } from '../test/support/git/certificate.js';
import { Cleanup } from './support/cleanup.js';
import { measureMany } from './support/gateway/many.js';
import { Report } from './support/report.js';
import { median, summarise, timed } from './support/statistics.js';

const MIB = 1024 * 1024;
/** Each takes a moment, since its last event comes later. */
const MAX_STREAMS = 100;
const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '1024' },
    rounds: { type: 'string', default: '7' },
    n: { type: 'string', default: '200' },
    workspaces: { type: 'string', default: '50' },
    strict: { type: 'boolean', default: false },
  },
});
const [size, rounds, n, count] = [values.size, values.rounds, values.n, values.workspaces].map(Number) as [
  number,
  number,
  number,
  number,
];

const SIDES = ['open', 'restricted'] as const;
type Side = (typeof SIDES)[number];
type Runs = Record<Side, number[]>;

/** Both sides, in turning order. */
async function alternate(times: number, work: (side: Side) => Promise<number[]>): Promise<Runs> {
  const runs: Runs = { open: [], restricted: [] };
  for (let round = 0; round < times; round++)
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) runs[side].push(...(await work(side)));
  return runs;
}

const ratios = ({ open, restricted }: Runs): number[] => restricted.map((value, round) => value / open[round]!);

/** A program that prints, for each of some requests, the milliseconds until the first event of the answer. */
const firstChunks = (url: string, times: number): string => `
import http.client, json, time, urllib.parse
url, taken = urllib.parse.urlsplit(${JSON.stringify(url)}), []
body = json.dumps({'model': 'claude-opus-5-5', 'max_tokens': 1, 'stream': True, 'messages': []})
for _ in range(${times}):
    begun = time.perf_counter()
    connection = http.client.HTTPConnection(url.netloc)
    connection.request('POST', url.path, body, {'content-type': 'application/json'})
    answer = connection.getresponse()
    assert answer.read(6) == b'event:', answer.status
    taken.append((time.perf_counter() - begun) * 1000)
    answer.read()
    connection.close()
print(json.dumps(taken))
`;

async function startServer(cleanup: Cleanup, host: string): Promise<[http: number, https: number]> {
  const folder = await mkdtemp(join(tmpdir(), 'devforge-bench-'));
  cleanup.add(() => rm(folder, { recursive: true, force: true }));
  const { key, cert } = await (await TestAuthority.open(folder)).issue([host]);
  const server = spawn(process.execPath, [resolve('bench/support/gateway/download-server.mjs'), key, cert], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  cleanup.add(async () => void server.stdin.end());
  for await (const line of createInterface({ input: server.stdout })) return JSON.parse(line) as [number, number];
  throw new Error('The server did not start.');
}

async function main(report: Report, cleanup: Cleanup): Promise<void> {
  const host = (await dockerBridgeAddress()) ?? '172.17.0.1';
  const [http, https] = await startServer(cleanup, host);
  const room = await EgressRoom.open([host]);
  cleanup.add(() => room.close());
  const egress: Record<Side, WorkspaceEgress> = {
    open: { mode: 'open', allow: [] },
    restricted: { mode: 'restricted', allow: [{ host, ports: [http, https] }] },
  };
  const workspaces: Record<Side, WorkspaceRef> = {
    open: await room.workspace(egress.open),
    restricted: await room.workspace(egress.restricted),
  };
  /** Asks for one value of curl for each URL. */
  const curl = async (side: Side, value: string, url: string): Promise<number[]> => {
    const { stdout, stderr } = await room.run(workspaces[side], `curl -sSk -o /dev/null -w '%{${value}}\\n' '${url}'`);
    if (stderr !== '') throw new Error(stderr);
    return stdout.trim().split('\n').map(Number);
  };

  for (const [label, base] of [
    ['TLS', `https://${host}:${https}`],
    ['plain HTTP', `http://${host}:${http}`],
  ] as const) {
    await alternate(1, (side) => curl(side, 'speed_download', `${base}/${64 * MIB}`));
    const speeds = await alternate(rounds, (side) => curl(side, 'speed_download', `${base}/${size * MIB}`));
    report.section(`${size} MiB over ${label}`);
    for (const side of SIDES) report.value(`${side}, MB/s`, Math.round(median(speeds[side]) / 1e6), '');
    report.value('restricted beside open', median(ratios(speeds)), 'x', { atLeast: 0.8, unit: 'x' });
    const first = await alternate(rounds, async (side) =>
      (await curl(side, 'time_starttransfer', `${base}/10?[1-${n}]`)).map((seconds) => seconds * 1_000),
    );
    report.section(`first byte over ${label}`);
    for (const side of SIDES) report.times(side, summarise(first[side]));
    report.value('more in the median', median(first.restricted) - median(first.open), 'ms', { atMost: 1, unit: 'ms' });
  }

  const api: Record<Side, string> = { open: `http://${host}:${http}`, restricted: MODEL_API_URL };
  const secrets = { ...NO_SECRETS, modelApi: { baseUrl: api.open, header: 'x-api-key', value: 'key' } };
  await room.driver.setSecrets(workspaces.restricted.id, secrets);
  const chunks = await alternate(rounds, (side) =>
    room.python<number[]>(workspaces[side], firstChunks(`${api[side]}/v1/messages`, Math.min(n, MAX_STREAMS))),
  );
  report.section('first chunk of a stream of the API of the model');
  for (const side of SIDES) report.times(side === 'open' ? 'direct' : 'by the gateway', summarise(chunks[side]));
  report.value('later in the median', median(chunks.restricted) - median(chunks.open), 'ms', { atMost: 5, unit: 'ms' });

  const created = await alternate(rounds, async (side) => [(await timed(() => room.workspace(egress[side]))).ms]);
  report.section('create and start');
  for (const side of SIDES) report.times(side, summarise(created[side]));
  report.value('restricted beside open', median(ratios(created)), 'x', { atMost: 1.15, unit: 'x' });
  await measureMany(report, room, { count, egress: egress.restricted, url: `https://${host}:${https}/${8 * MIB}` });
  report.note(`${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`);
}

const cleanup = new Cleanup();
const report = new Report();
try {
  await main(report, cleanup);
} finally {
  await cleanup.all();
}
if (report.missed.length > 0) console.log(`\nmissed: ${report.missed.join('; ')}`);
process.exit(values.strict && report.missed.length > 0 ? 1 : 0);
