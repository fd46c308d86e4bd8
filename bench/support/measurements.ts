import { setTimeout as sleep } from 'node:timers/promises';
import type { DevForgeProcess } from '../../test/support/api/devforge-process.js';
import type { EngineProxy } from '../../test/support/engine-proxy/engine-proxy.js';
import type { BareContainers } from './bare-containers.js';
import type { CreatedContainers } from './created.js';
import { usageOf } from './process-usage.js';
import type { Report, Target } from './report.js';
import { median, summarise, timed } from './statistics.js';

const WARM_UP = 3;
const LISTED = 30;
const LIST_ROUNDS = 5;
const LISTS_PER_ROUND = 20;
const STARTS = 5;
const REST_MS = 10_000;

const POST: Target = { atMost: 30, unit: 'ms' };
const LIST: Target = { atMost: 30, unit: 'ms' };
const NO_CALLS: Target = { atMost: 0, unit: '' };
const READY: Target = { atMost: 3_000, unit: 'ms' };
const MEMORY: Target = { atMost: 200, unit: 'MB' };

/** The list of running containers, and what it asks the engine. Leaves the containers. */
export async function measureListing(report: Report, created: CreatedContainers, proxy: EngineProxy): Promise<void> {
  const missing = LISTED - created.count;
  const { ms } = await timed(() => Promise.all(Array.from({ length: missing }, () => created.untilRunning())));
  report.value(`${missing} created at once, all run`, ms, 'ms');

  const times: number[] = [];
  const calls = { lists: 0, quiet: 0 };
  for (let round = 0; round < LIST_ROUNDS; round++) {
    const before = proxy.requests.length;
    const { ms: span } = await timed(async () => {
      for (let list = 0; list < LISTS_PER_ROUND; list++) times.push(await created.list(LISTED));
    });
    const between = proxy.requests.length;
    // As long without lists: new containers are inspected, watched and measured in the background.
    await sleep(span);
    calls.lists += between - before;
    calls.quiet += proxy.requests.length - between;
  }
  report.times(`list of ${LISTED} running`, summarise(times), LIST);
  const lists = LIST_ROUNDS * LISTS_PER_ROUND;
  report.value(`engine calls during ${lists} lists`, calls.lists, '');
  report.value('engine calls in the same time without lists', calls.quiet, '');
  report.value('engine calls per list', Math.max(0, Math.round((calls.lists - calls.quiet) / lists)), '', NO_CALLS);
}

/** Both sides of the ratio, one right after the other. */
export async function measurePairs(
  report: Report,
  created: CreatedContainers,
  bare: BareContainers,
  n: number,
  ratio: number,
): Promise<void> {
  const ofBare: number[] = [];
  const ofDevForge: number[] = [];
  for (let pair = 0; pair < WARM_UP + n; pair++) {
    const sides = [
      async () => ofBare.push(await bare.measure()),
      async () => ofDevForge.push(await created.measureUntilRunning()),
    ];
    for (const side of pair % 2 === 0 ? sides : sides.toReversed()) await side();
  }
  const [a, b] = [ofBare.slice(WARM_UP), ofDevForge.slice(WARM_UP)];
  report.times('bare create and start', summarise(a));
  report.times('POST until running', summarise(b));
  report.value('ratio of the medians', median(b) / median(a), 'x', { atMost: ratio, unit: 'x' });
  report.value('median ratio of pairs', median(b.map((ms, index) => ms / a[index]!)), 'x');
}

/** The POST that does not wait. */
export async function measurePosts(report: Report, created: CreatedContainers, n: number): Promise<void> {
  const times: number[] = [];
  for (let post = 0; post < WARM_UP + n; post++) times.push(await created.measureUntilAccepted());
  report.times('POST alone', summarise(times.slice(WARM_UP)), POST);
}

/** From the start of the process until it is ready, on the database that it has. */
export async function measureStarts(report: Report, server: DevForgeProcess): Promise<void> {
  const times: number[] = [];
  const processorTimes: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    await server.stop();
    times.push((await timed(() => server.restart())).ms);
    processorTimes.push((await usageOf(server.pid)).processorMs);
  }
  report.times('start to ready', summarise(times), READY);
  // What the start takes where nothing else runs is hardly more than this.
  report.times('  of that, processor time', summarise(processorTimes));
}

export async function measureRest(report: Report, server: DevForgeProcess, label: string): Promise<void> {
  await sleep(REST_MS);
  report.value(label, (await usageOf(server.pid)).residentMB, 'MB', MEMORY);
}
