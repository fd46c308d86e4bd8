import { setTimeout as sleep } from 'node:timers/promises';
import type { DevForgeProcess } from '../../../test/support/api/devforge-process.js';
import type { Engine } from '../../../test/support/api/engine.js';
import type { Container } from '../../../test/support/api/types.js';
import { usageOf } from '../process-usage.js';
import type { Report, Target } from '../report.js';
import { median } from '../statistics.js';
import { type Follower, followWithDocker, followWithSocket, pausedReader } from './followers.js';
import { type Arrived, LineCount } from './line-count.js';
import { ResidentMemory } from './resident-memory.js';

const RATE: Target = { atLeast: 0.9, unit: 'x' };
const GROWTH: Target = { atMost: 64, unit: 'MB' };
const NONE: Target = { atMost: 0, unit: '' };
const SETTLE_MS = 1_000;
const SILENCE_MS = 20_000;
const WRITING_TIMEOUT_MS = 600_000;
const LINE_BYTES = 100;
const MIB = 1024 * 1024;

export interface Environment {
  server: DevForgeProcess;
  engine: Engine;
  engineSocket: string;
  container: Container;
}

interface Round extends Arrived {
  written: number;
  /** Of the process that brought the lines, in milliseconds. */
  processorMs: number;
  notices: string[];
}

type Follow = (count: LineCount) => Promise<Follower>;

let number = 1;

/** Docker's client and a subscription follow as many lines each, in turn. */
export async function measurePairs(
  report: Report,
  environment: Environment,
  lines: number,
  pairs: number,
): Promise<void> {
  const { server, container, engineSocket } = environment;
  const memory = await ResidentMemory.watch(server.pid);
  const ofDocker: Round[] = [];
  const ofDevForge: Round[] = [];
  const sides = [
    async () =>
      ofDocker.push(
        await round(environment, lines, (count) => followWithDocker(container.dockerId!, engineSocket, count)),
      ),
    async () =>
      ofDevForge.push(await round(environment, lines, (count) => followWithSocket(server, container.id, count))),
  ];
  for (let pair = 0; pair < pairs; pair++) {
    for (const side of pair % 2 === 0 ? sides : sides.toReversed()) await side();
    report.note(`${describe('docker logs -f', ofDocker[pair]!)}; ${describe('Socket.io', ofDevForge[pair]!)}`);
  }
  const ratios = ofDevForge.map((each, pair) => rateOf(each) / rateOf(ofDocker[pair]!));
  report.value('lines a second, docker logs -f', Math.round(median(ofDocker.map(rateOf))), '');
  report.value('lines a second, Socket.io', Math.round(median(ofDevForge.map(rateOf))), '');
  report.value('median ratio of pairs', median(ratios), 'x', RATE);
  report.value(
    'lines that did not arrive',
    sum(ofDevForge, (each) => each.written - each.lines),
    '',
    NONE,
  );
  report.value(
    'lines out of order',
    sum(ofDevForge, ({ outOfOrder }) => outOfOrder),
    '',
    NONE,
  );
  report.value('resident memory grew by', memory.stop(), 'MB', GROWTH);
}

/** Much is written while one of two readers takes nothing. */
export async function measurePaused(report: Report, environment: Environment, megabytes: number): Promise<void> {
  const { server, container } = environment;
  const paused = await pausedReader(server, container.id);
  const memory = await ResidentMemory.watch(server.pid);
  const lines = Math.ceil((megabytes * MIB) / LINE_BYTES);
  const live = await round(environment, lines, (count) => followWithSocket(server, container.id, count), LINE_BYTES);
  report.note(describe('the reader beside it', live));
  await paused.stop();
  report.value('lines that did not arrive', live.written - live.lines, '');
  report.value('resident memory grew by', memory.stop(), 'MB', GROWTH);
}

async function round({ engine, container }: Environment, lines: number, follow: Follow, width = 0): Promise<Round> {
  const [first, last] = [number, number + lines - 1];
  number = last + 1;
  const count = new LineCount(first, last);
  const follower = await follow(count);
  await sleep(SETTLE_MS);
  const before = await usageOf(follower.pid);
  count.begin();
  const format = width === 0 ? [] : ['-f', `%0${width - 1}.0f`];
  const writing = engine.exec(
    container.dockerId!,
    ['sh', '-c', `exec seq ${format.join(' ')} ${first} ${last} > /proc/1/fd/1`],
    { timeoutMs: WRITING_TIMEOUT_MS },
  );
  const { exitCode, stderr } = await writing;
  if (exitCode !== 0) throw new Error(`The lines could not be written: ${stderr}`);
  const arrived = await count.result(SILENCE_MS);
  const { processorMs } = await usageOf(follower.pid);
  await follower.stop();
  await sleep(SETTLE_MS);
  return { ...arrived, written: lines, processorMs: processorMs - before.processorMs, notices: follower.notices };
}

function rateOf({ lines, ms }: Arrived): number {
  return (lines / ms) * 1_000;
}

function describe(name: string, each: Round): string {
  const notices = each.notices.length === 0 ? '' : ` (${each.notices.slice(0, 3).join(', ')})`;
  return `${name}: ${each.lines} of ${each.written} in ${(each.ms / 1_000).toFixed(1)} s, ${(each.processorMs / 1_000).toFixed(1)} s of a processor, ${each.outOfOrder} out of order${notices}`;
}

function sum(rounds: Round[], of: (round: Round) => number): number {
  return rounds.reduce((total, round) => total + of(round), 0);
}
