/**
 * How long copies of a container take, and how long it stands still for them:
 * `npm run bench -- fork [--megabytes 1024] [--files 2000] [--copies 3] [--n 3] [--entry dist/main.js] [--strict]`.
 *
 * The targets are those for a file system that shares blocks between files (btrfs, XFS); the report says what this one does.
 */
import { randomBytes } from 'node:crypto';
import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { ApiClient, ok } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import type { Container } from '../test/support/api/types.js';
import { builtServer } from './support/build.js';
import { Cleanup } from './support/cleanup.js';
import { CreatedContainers } from './support/created.js';
import { Report } from './support/report.js';
import { summarise, timed } from './support/statistics.js';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1024' },
    files: { type: 'string', default: '2000' },
    copies: { type: 'string', default: '3' },
    n: { type: 'string', default: '3' },
    entry: { type: 'string' },
    strict: { type: 'boolean', default: false },
  },
});
const [megabytes, files, copies, n] = [values.megabytes, values.files, values.copies, values.n].map(Number) as [
  number,
  number,
  number,
  number,
];

const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = values.entry ?? process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const env = {
    NODE_ENV: 'production',
    RATE_LIMIT_CREATES: '0',
    ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }),
  };
  const server = await startDevForge(env, { entry });
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const created = new CreatedContainers(api, 'claude');
  cleanup.add(() => created.removeAll());
  const origin = await created.first();
  const inside = async (script: string): Promise<string> => {
    const body = { command: ['bash', '-c', script], timeoutSeconds: 600 };
    const path = `/api/containers/${origin.id}/exec`;
    return ok(await api.request<{ stdout: string }>('POST', path, { body })).stdout;
  };
  const each = Math.floor((megabytes * 1024) / files);
  const id = randomBytes(4).toString('hex');
  await inside(
    `mkdir /workspace/${id} && cd /workspace/${id} && head -c ${each}K /dev/urandom > 0 && for i in $(seq ${files - 1}); do cp 0 $i; done; sync`,
  );
  const shares =
    (await inside(`cd /workspace && cp --reflink=always ${id}/0 shared && echo yes; rm -f shared`)) === 'yes\n';
  console.log(
    `fork: ${megabytes} MB in ${files} files, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}; the file system ${shares ? 'shares' : 'does not share'} blocks`,
  );

  const times: Record<'saved' | 'paused' | 'first' | 'further', number[]> = {
    saved: [],
    paused: [],
    first: [],
    further: [],
  };
  for (let round = 0; round < n; round++) {
    const snapshot = await timed(() =>
      api.request<{ id: string; pausedMs: number }>('POST', `/api/containers/${origin.id}/snapshots`),
    );
    times.saved.push(snapshot.ms);
    const made = ok(snapshot.result);
    times.paused.push(made.pausedMs);
    await api.request('DELETE', `/api/snapshots/${made.id}`);
    const fork = async (count: number): Promise<number> => {
      const { ms, result } = await timed(async () => {
        const path = `/api/containers/${origin.id}/fork`;
        const { items } = ok(await api.request<{ items: Container[] }>('POST', path, { body: { count } }));
        await Promise.all(items.map((item) => api.waitForStatus(item.id, 'running')));
        return items;
      });
      await Promise.all(result.map((item) => api.remove(item.id)));
      return ms;
    };
    const one = await fork(1);
    times.first.push(one);
    times.further.push(((await fork(copies)) - one) / (copies - 1));
  }
  const target = (atMost: number) => (shares ? ({ atMost, unit: 'ms' } as const) : undefined);
  report.section('a container with its files');
  report.times('a snapshot', summarise(times.saved));
  report.times('  it stands still for', summarise(times.paused), { atMost: 300, unit: 'ms' });
  report.times('a copy until it runs', summarise(times.first), target(2_000));
  report.times('  each further one', summarise(times.further), target(500));
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
