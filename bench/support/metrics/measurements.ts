import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { EngineProxy } from '../../../test/support/engine-proxy/engine-proxy.js';
import type { EngineRequest } from '../../../test/support/engine-proxy/engine-request.js';
import type { CreatedContainers } from '../created.js';
import { usageOf } from '../process-usage.js';
import type { Report, Target } from '../report.js';
import { median, summarise, timed } from '../statistics.js';
import type { ClientProcess } from './client-process.js';
import { IN_TIME_MS } from './lateness.js';
import type { Measured } from './watching.js';

const ROUNDS = 5;
const LISTS_PER_ROUND = 20;
const INTERVAL_MS = 1_000;
/** Time in which the first updates of a subscription are over. */
const SETTLE_MS = 3_000;

const LIST: Target = { atMost: 25, unit: 'ms' };
const RATIO: Target = { atLeast: 50, unit: 'x' };
const ONE_SAMPLE: Target = { atMost: 1, unit: 'x' };
const COMPLETE: Target = { atLeast: 99, unit: '%' };
const PROCESSOR: Target = { atMost: 35, unit: '%' };
const IN_TIME: Target = { atLeast: 99, unit: '%' };

/** The list with metrics and `docker stats` over the same containers, one right after the other. */
export async function measureList(
  report: Report,
  created: CreatedContainers,
  dockerIds: string[],
  pid: number,
  engineSocket: string,
): Promise<void> {
  const lists: number[] = [];
  const processorTimes: number[] = [];
  const stats: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = await usageOf(pid);
    for (let list = 0; list < LISTS_PER_ROUND; list++)
      lists.push(await created.list(dockerIds.length, { includeMetrics: true }));
    processorTimes.push(((await usageOf(pid)).processorMs - before.processorMs) / LISTS_PER_ROUND);
    stats.push((await timed(() => dockerStats(dockerIds, engineSocket))).ms);
  }
  report.times(`list of ${dockerIds.length} with metrics`, summarise(lists), LIST);
  // Where nothing else runs it takes little more than this and what the database needs.
  report.times('  of that, API processor time', summarise(processorTimes));
  report.times('docker stats --no-stream', summarise(stats));
  report.value('times faster', median(stats) / median(lists), 'x', RATIO);
}

export interface Window {
  subscriptions: number;
  engineCalls: number;
  /** Calls that are not part of a periodic task. */
  furtherCalls: number;
  processorPercent: number;
  /** Percent of the window in which the server was runnable without a processor. */
  waitedPercent: number;
  measured: Measured | undefined;
}

/** Measures a window with this many subscriptions of the clients. */
export async function measureWindow(
  subscriptions: number,
  ms: number,
  pid: number,
  proxy: EngineProxy,
  clients: ClientProcess | undefined,
): Promise<Window> {
  await sleep(SETTLE_MS);
  const before = await usageOf(pid);
  const begun = performance.now();
  const from = proxy.requests.length;
  const measured = clients === undefined ? void (await sleep(ms)) : await clients.measure(ms);
  const calls = proxy.requests.slice(from);
  const elapsed = performance.now() - begun;
  const after = await usageOf(pid);
  return {
    subscriptions,
    engineCalls: calls.length,
    furtherCalls: calls.filter((call) => !isPeriodic(call)).length,
    processorPercent: ((after.processorMs - before.processorMs) / elapsed) * 100,
    waitedPercent: ((after.waitedMs - before.waitedMs) / elapsed) * 100,
    measured: measured ?? undefined,
  };
}

export function reportWindows(report: Report, windows: Window[], containers: number, ms: number): void {
  const [idle] = windows;
  for (const window of windows) {
    report.value(`engine calls, ${window.subscriptions} subscriptions`, window.engineCalls, '');
    report.value(
      '  without periodic ones',
      window.furtherCalls,
      '',
      window === idle ? undefined : { atMost: idle!.furtherCalls, unit: '' },
    );
  }
  for (const { subscriptions, processorPercent } of windows) {
    report.value(
      `API processor, ${subscriptions} subscriptions`,
      processorPercent,
      '%',
      subscriptions === windows.at(-1)!.subscriptions ? PROCESSOR : undefined,
    );
  }
  const { subscriptions, waitedPercent, measured } = windows.at(-1)!;
  if (measured === undefined) throw new Error('No client was subscribed.');
  const ticks = ms / INTERVAL_MS;
  // A window that begins between two ticks may see one more of each.
  report.value('samples a tick and container', measured.samples / containers / Math.ceil(ticks + 1), 'x', ONE_SAMPLE);
  report.value('updates that arrived', (measured.updates / (subscriptions * ticks)) * 100, '%', COMPLETE);
  report.value(`within ${IN_TIME_MS} ms of their tick`, measured.fromTick.within250, '%', IN_TIME);
  report.note(
    `from the tick: median ${measured.fromTick.median.toFixed(1)} ms, p99 ${measured.fromTick.p99.toFixed(1)} ms, at most ${measured.fromTick.max.toFixed(0)} ms`,
  );
  report.note(
    `from the reading: median ${measured.fromReading.median.toFixed(1)} ms, p99 ${measured.fromReading.p99.toFixed(1)} ms, at most ${measured.fromReading.max.toFixed(0)} ms`,
  );
  report.note(`the machine: the server waited for a processor ${waitedPercent.toFixed(1)} % of the time`);
  report.note(
    `the clients: ${measured.clientPercent.toFixed(0)} % of a core, at most ${measured.clientDelayMs.toFixed(0)} ms late themselves; ${measured.failures} failures`,
  );
  if (measured.failures > 0) throw new Error('A subscription failed or a connection was lost.');
}

export async function subscribe(clients: ClientProcess, containerIds: string[], each: number): Promise<void> {
  await clients.subscribe(containerIds, each, INTERVAL_MS);
}

async function dockerStats(dockerIds: string[], engineSocket: string): Promise<void> {
  const { stdout } = await promisify(execFile)('docker', [
    '--host',
    `unix://${engineSocket}`,
    'stats',
    '--no-stream',
    '--format',
    '{{.Container}} {{.MemUsage}}',
    ...dockerIds,
  ]);
  const rows = stdout
    .trim()
    .split('\n')
    .filter((line) => / [\d.]+[KM]iB \/ [1-9]/.test(line)).length;
  if (rows !== dockerIds.length) throw new Error(`docker stats shows ${rows} containers, not ${dockerIds.length}.`);
}

/** Periodic calls: pings of the monitor, lists and inspects of the reconciler, execs and sizes for disk usage. */
function isPeriodic({ path, query }: EngineRequest): boolean {
  return (
    /^\/(_ping|volumes|exec\/.*|containers\/(json|devforge-[^/]*\/json|[^/]*\/exec))$/.test(path) ||
    query.includes('size=')
  );
}
