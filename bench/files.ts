/**
 * A large file in and out of a container through DevForge: how much memory the server takes for it, and how fast it is
 * beside the engine's own `exec`; then many small ones: `npm run bench -- files [--size 2048] [--writes 2000]`.
 */
import { request } from 'node:http';
import { cpus, loadavg } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient, ok } from '../test/support/api/client.js';
import { type DevForgeProcess, startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import type { Container } from '../test/support/api/types.js';
import { FilesClient } from '../test/support/e2e/files-client.js';
import { builtServer } from './support/build.js';
import { usageOf } from './support/process-usage.js';
import { Report } from './support/report.js';
import { summarise, timed } from './support/statistics.js';
import { Cleanup } from './support/cleanup.js';

const MIB = 1024 * 1024;
const BLOCK = Buffer.alloc(MIB, 'The quick brown fox jumps over the lazy dog. ');
/** Megabytes that a transfer of any size may take. */
const MAX_MEMORY_MB = 64;
const WRITERS = 16;

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2048' },
    writes: { type: 'string', default: '2000' },
    strict: { type: 'boolean', default: false },
  },
});
const sizeMB = Number(values.size);
const writes = Number(values.writes);

const blocks = (): Readable =>
  Readable.from(
    (function* () {
      for (let sent = 0; sent < sizeMB; sent++) yield BLOCK;
    })(),
  );
const counting = (): { sink: Writable; bytes: () => number } => {
  let bytes = 0;
  const sink = new Writable({ write: (chunk: Buffer, _, done) => ((bytes += chunk.length), done()) });
  return { sink, bytes: () => bytes };
};

/** Runs `work`. @returns by how many MB the server grew at most meanwhile, and how long it took */
async function watched(
  server: DevForgeProcess,
  work: () => Promise<unknown>,
): Promise<{ grownMB: number; ms: number }> {
  await delay(1_000);
  const before = (await usageOf(server.pid)).residentMB;
  let highest = before;
  const timer = setInterval(
    () => void usageOf(server.pid).then(({ residentMB }) => (highest = Math.max(highest, residentMB))),
    50,
  );
  try {
    const { ms } = await timed(work);
    return { grownMB: highest - before, ms };
  } finally {
    clearInterval(timer);
  }
}

/** The same bytes through the engine alone. */
async function throughEngine(engine: Engine, { dockerId }: Container, direction: 'in' | 'out'): Promise<number> {
  const argv = direction === 'in' ? ['sh', '-c', 'cat > /workspace/bare'] : ['cat', '/workspace/bare'];
  const exec = await engine.docker
    .getContainer(dockerId!)
    .exec({ Cmd: argv, AttachStdin: direction === 'in', AttachStdout: true, AttachStderr: true });
  const stream = await exec.start({ hijack: true, stdin: direction === 'in' });
  const { ms } = await timed(async () => {
    const received = pipeline(stream, counting().sink);
    if (direction === 'in') await Promise.all([received, pipeline(blocks(), stream)]);
    else await received;
  });
  return ms;
}

async function download(files: FilesClient, token: string): Promise<void> {
  const { sink, bytes } = counting();
  await new Promise<void>((resolve, reject) => {
    const asking = request(
      files.at('large'),
      { headers: { authorization: `Bearer ${token}` } },
      (response) => void pipeline(response, sink).then(resolve, reject),
    );
    asking.once('error', reject);
    asking.end();
  });
  if (bytes() !== sizeMB * MIB) throw new Error(`${bytes()} bytes came back`);
}

async function measureLarge(
  report: Report,
  server: DevForgeProcess,
  engine: Engine,
  container: Container,
  files: FilesClient,
): Promise<void> {
  report.section(`${sizeMB} MB`);
  // The first transfer warms the server up.
  await files.put('warm', Buffer.alloc(32 * MIB));
  await files.get('warm');
  const up = await watched(server, async () => {
    const { status, text } = await files.send('large', blocks(), { 'content-length': sizeMB * MIB });
    if (status !== 201) throw new Error(text);
  });
  const bareIn = await throughEngine(engine, container, 'in');
  const down = await watched(server, () => download(files, server.token));
  const bareOut = await throughEngine(engine, container, 'out');
  report.value('upload: memory', up.grownMB, 'MB', { atMost: MAX_MEMORY_MB, unit: 'MB' });
  report.value('upload: time beside the engine', up.ms / bareIn, 'x');
  report.value('download: memory', down.grownMB, 'MB', { atMost: MAX_MEMORY_MB, unit: 'MB' });
  report.value('download: time beside the engine', down.ms / bareOut, 'x');
  report.note(`${Math.round((sizeMB * 1_000) / up.ms)} MB/s up, ${Math.round((sizeMB * 1_000) / down.ms)} MB/s down`);
}

async function measureSmall(report: Report, files: FilesClient): Promise<void> {
  report.section('small files');
  const times: number[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    for (let index = next++; index < writes; index = next++) {
      const { ms, result } = await timed(() => files.put(`small/${index % 100}/${index}`, String(index)));
      if (result.status !== 201) throw new Error(result.bytes.toString());
      times.push(ms);
    }
  };
  const { ms } = await timed(() => Promise.all(Array.from({ length: WRITERS }, writer)));
  report.times(`write, ${WRITERS} at a time`, summarise(times));
  report.value('writes a second', Math.round((writes * 1_000) / ms), '');
  const reads: number[] = [];
  for (let index = 0; index < 100; index++) reads.push((await timed(() => files.get(`small/${index}/${index}`))).ms);
  report.times('read, one after the other', summarise(reads));
}

const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`files: ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const server = await startDevForge(
    { NODE_ENV: 'production', ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }) },
    { entry, nodeOptions: ['--max-semi-space-size=16'] },
  );
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const { id } = ok(
    await api.create({ name: `bench-files-${process.pid}`, template: 'claude', diskLimit: sizeMB * 4 + 1_024 }),
  );
  cleanup.add(() => api.remove(id));
  const container = await api.waitForStatus(id, 'running', 25 * 60_000);
  const files = new FilesClient(server.url, server.token, id);
  await measureLarge(report, server, new Engine(), container, files);
  await measureSmall(report, files);
  if (loadavg()[0]! > cpus().length) console.log('\nThe machine was busy: its times are longer than they would be.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
