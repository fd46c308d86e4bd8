import { setTimeout as sleep } from 'node:timers/promises';
import type { DevForgeProcess } from '../../test/support/api/devforge-process.js';
import type { Engine } from '../../test/support/api/engine.js';
import type { Container } from '../../test/support/api/types.js';
import type { InstructionsClient } from '../../test/support/instructions/instructions-client.js';
import { seedFinishedRun } from '../../test/support/instructions/finished-run.js';
import type { ScriptedModel } from '../../test/support/messages-api/scripted-model.js';
import { usageOf } from './process-usage.js';
import type { Report } from './report.js';
import { summarise, timed } from './statistics.js';

const REPLAYS = 5;
const PER_SECOND = 20_000;
const AT_ONCE_MS = 100;
const GROWTH = { atMost: 100, unit: 'MB' } as const;
const SAMPLE_MS = 20;
const PAUSE_MS = 5_000;
const NEWLINE = 10;

interface Bench {
  instructions: InstructionsClient;
  container: Container;
  model: ScriptedModel;
  engine: Engine;
  server: DevForgeProcess;
}

/** Takes in so many events of one run from the container, and replays them. */
export async function measureManyEvents(report: Report, bench: Bench, events: number): Promise<void> {
  const { instructions, server } = bench;
  const asFast = { atMost: (events / PER_SECOND) * 1_000, unit: 'ms' } as const;
  const { id, begin } = await seedFinishedRun(bench, events);
  const taken = await timed(async () => {
    begin();
    const { lastSeq } = await instructions.waitForEnd(id, 120_000);
    if (lastSeq !== events) throw new Error(`${lastSeq} events were stored, not ${events}.`);
  });
  report.value('taken in from the container', taken.ms, 'ms');

  const replays: number[] = [];
  const growth = await growthOf(server, async () => {
    for (let replay = 0; replay < REPLAYS; replay++)
      replays.push((await timed(() => read(instructions, id, 0, events))).ms);
  });
  report.times('replayed over REST', summarise(replays), asFast);
  report.note(`${Math.round(events / (summarise(replays).median / 1_000))} events a second`);
  report.value('memory: growth meanwhile', growth, 'MB', GROWTH);

  const starts: number[] = [];
  for (const after of [0, 1, events / 2, events - 1_000, events - 1].map(Math.floor)) {
    for (let time = 0; time < REPLAYS; time++) starts.push((await timed(() => firstOf(instructions, id, after))).ms);
  }
  report.times('first event, wherever after points', summarise(starts), { atMost: AT_ONCE_MS, unit: 'ms' });
  report.value(
    'memory: growth by a paused reader',
    await growthOf(server, () => pausedReader(instructions, id)),
    'MB',
    GROWTH,
  );
}

/** @throws Error when an event is missing, doubled or out of order */
async function read(instructions: InstructionsClient, id: string, after: number, last: number): Promise<void> {
  const response = await instructions.stream(id, { after });
  let seq = after;
  let rest = Buffer.alloc(0);
  for await (const chunk of response.body!) {
    const bytes = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      const wanted = `{"seq":${(seq += 1)},`;
      if (bytes.toString('latin1', from, from + wanted.length) !== wanted)
        throw new Error(`Event ${seq} is not where it belongs.`);
      from = end + 1;
    }
    rest = bytes.subarray(from);
  }
  if (seq !== last) throw new Error(`The replay ended after event ${seq}.`);
}

async function firstOf(instructions: InstructionsClient, id: string, after: number): Promise<void> {
  const left = new AbortController();
  const response = await instructions.stream(id, { after }, {}, left.signal);
  const { value } = await response.body!.getReader().read();
  if (!String(Buffer.from(value ?? [])).startsWith(`{"seq":${after + 1},`))
    throw new Error(`The events after ${after} begin otherwise.`);
  left.abort();
}

/** Reads a little and then nothing for a while. */
async function pausedReader(instructions: InstructionsClient, id: string): Promise<void> {
  const left = new AbortController();
  const response = await instructions.stream(id, {}, {}, left.signal);
  await response.body!.getReader().read();
  await sleep(PAUSE_MS);
  left.abort();
}

/** @returns by how many MB the server grew at most */
async function growthOf({ pid }: DevForgeProcess, work: () => Promise<void>): Promise<number> {
  const { residentMB: before } = await usageOf(pid);
  let most = before;
  const done = new AbortController();
  const sampling = (async () => {
    while (!done.signal.aborted) {
      most = Math.max(most, (await usageOf(pid)).residentMB);
      await sleep(SAMPLE_MS);
    }
  })();
  await work().finally(() => done.abort());
  await sampling;
  return most - before;
}
