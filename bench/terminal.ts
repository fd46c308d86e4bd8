/**
 * What a terminal of DevForge adds to `docker exec -it`, from the key to its echo, and how fast a million lines come:
 * `npm run bench -- terminal [--n 300] [--rounds 3] [--strict]`.
 *
 * Both shells are in the same container, and each key is typed in one right after the other, in turning order, so that a
 * busy machine weighs on both. The server is the built one, in a process of its own.
 */
import { cpus, loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { ApiClient } from '../test/support/api/client.js';
import { startDevForge } from '../test/support/api/devforge-process.js';
import { Engine } from '../test/support/api/engine.js';
import { SocketClient } from '../test/support/sockets/socket-client.js';
import { builtServer } from './support/build.js';
import { CreatedContainers } from './support/created.js';
import { usageOf } from './support/process-usage.js';
import { Report } from './support/report.js';
import { execShell, type Shell, terminalShell } from './support/shells.js';
import { median, summarise, timed } from './support/statistics.js';
import { Cleanup } from './support/cleanup.js';

const WARM_UP = 20;
const LINES = 1_000_000;
const KEYS_A_LINE = 40;
const TYPING_PAUSE_MS = 5;
const ADDED = { atMost: 10, unit: 'ms' } as const;
const CLEAR_LINE = '\x15';
const PROMPT = '$ ';
const GROWTH = { atMost: 24, unit: 'MB' } as const;
const THROUGHPUT = { atLeast: 0.75, unit: 'x' } as const;

/** @returns milliseconds from the key to its echo */
async function keystroke(shell: Shell, at: number): Promise<number> {
  const key = String.fromCodePoint('a'.codePointAt(0)! + (at % 26));
  const { ms } = await timed(() => {
    const echoed = shell.until(key);
    shell.type(key);
    return echoed;
  });
  return ms;
}

async function clearLine(shell: Shell): Promise<void> {
  shell.type(CLEAR_LINE);
  await sleep(50);
  // Whatever the clearing wrote is not to be taken for an echo.
  shell.type('\r');
  await shell.until(PROMPT);
}

async function measureKeystrokes(report: Report, shells: Shell[], n: number): Promise<void> {
  const times = new Map(shells.map((shell) => [shell, [] as number[]]));
  for (let key = 0; key < WARM_UP + n; key++) {
    for (const shell of key % 2 === 0 ? shells : shells.toReversed())
      times.get(shell)!.push(await keystroke(shell, key));
    if (key % KEYS_A_LINE === KEYS_A_LINE - 1) for (const shell of shells) await clearLine(shell);
    await sleep(TYPING_PAUSE_MS);
  }
  const [bare, terminal] = shells.map((shell) => times.get(shell)!.slice(WARM_UP)) as [number[], number[]];
  report.times(`key to echo, ${shells[0]!.name}`, summarise(bare));
  report.times(`key to echo, ${shells[1]!.name}`, summarise(terminal));
  // Of the two keys of a pair, typed one right after the other on a machine as busy.
  report.value('added, median of the differences', median(terminal.map((ms, at) => ms - bare[at]!)), 'ms', ADDED);
  report.value('added, difference of the medians', median(terminal) - median(bare), 'ms');
  for (const shell of shells) await clearLine(shell);
}

/** @throws Error when a line is missing */
async function measureLines(report: Report, shells: Shell[], rounds: number): Promise<void> {
  const times = new Map(shells.map((shell) => [shell, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const shell of round % 2 === 0 ? shells : shells.toReversed()) {
      const { ms, result } = await timed(() => {
        const all = shell.until('\nwhole');
        shell.type(`seq 1 ${LINES}; echo who""le\r`);
        return all;
      });
      await shell.until(PROMPT);
      times.get(shell)!.push(ms);
      const lines = result.match(/^\d+\r$/gm) ?? [];
      if (lines.length !== LINES || lines.some((line, at) => Number(line) !== at + 1))
        throw new Error(`${shell.name}: ${lines.length} lines of ${LINES}, or not in order.`);
    }
  }
  const megabytes =
    Array.from({ length: LINES }, (_, at) => String(at + 1).length + 2).reduce((sum, length) => sum + length, 0) / 1e6;
  const [bare, terminal] = shells.map((shell) => times.get(shell)!) as [number[], number[]];
  for (const shell of shells) {
    const taken = summarise(times.get(shell)!);
    report.times(`seq 1 ${LINES}, ${shell.name}`, taken);
    report.note(`  whole and in order, ${(megabytes / (taken.median / 1_000)).toFixed(1)} MB/s`);
  }
  report.value(
    'beside docker exec -it, median of the pairs',
    median(bare.map((ms, at) => ms / terminal[at]!)),
    'x',
    THROUGHPUT,
  );
}

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    n: { type: 'string', default: '300' },
    rounds: { type: 'string', default: '3' },
    strict: { type: 'boolean', default: false },
  },
});
const report = new Report();
const cleanup = new Cleanup();
try {
  const entry = process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`terminal: n = ${values.n}, ${cpus().length} processors, load ${loadavg()[0]?.toFixed(2)}`);
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const server = await startDevForge(
    { NODE_ENV: 'production', LOG_LEVEL: 'info', ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }) },
    { entry, nodeOptions: ['--max-semi-space-size=16'] },
  );
  cleanup.add(() => server.dispose());
  const created = new CreatedContainers(new ApiClient(server.url, server.token), 'claude');
  cleanup.add(() => created.removeAll());
  const container = await created.first();
  const client = await SocketClient.connect(server.url, { token: server.token });
  cleanup.add(async () => client.close());
  const shells = [await execShell(new Engine().docker, container.dockerId!), await terminalShell(client, container.id)];
  for (const shell of shells) cleanup.add(() => shell.close());
  for (const shell of shells) await shell.until(PROMPT);

  report.section('terminal');
  await measureKeystrokes(report, shells, Number(values.n));
  const before = (await usageOf(server.pid)).residentMB;
  await measureLines(report, shells, Number(values.rounds));
  report.value('DevForge grew by', Math.max(0, (await usageOf(server.pid)).residentMB - before), 'MB', GROWTH);
  if (loadavg()[0]! > cpus().length) console.log('\nThe machine was busy: its times are longer than they would be.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
  process.exitCode = values.strict && report.missed.length > 0 ? 1 : 0;
} finally {
  await cleanup.all();
}
