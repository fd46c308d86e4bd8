/** How the egress gateway counts answers of the Messages API, in whatever chunks they come, and keeps budgets. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ModelPrices, SpendRecord } from '../../src/drivers/workspace-spend.js';
import type { Settings } from '../../src/config/settings.js';
import { ModelPriceTable } from '../../src/spend/model-price-table.js';
import { loadModelPrices } from '../../src/spend/model-prices.js';
import { eventsOf } from '../support/messages-api/answer.js';
import { turn } from '../support/messages-api/replies.js';

interface Usage {
  model: string;
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite5m: number;
  cacheWrite1h: number;
  webSearches: number;
  isFast: boolean;
}
interface Reader {
  hasBegun: boolean;
  isOver: boolean;
  push(chunk: Buffer): void;
  figures(): { usage: Usage[]; isEstimated: boolean } | undefined;
}
interface Charge {
  at: string;
  project: string | null;
  instruction: string | null;
  parts: unknown[];
  nanos: number;
  isEstimated: boolean;
}
interface Journal {
  id: string;
  isEmpty: boolean;
  begin(charge: Charge): number;
  add(charge: Charge, open?: number): void;
  after(journal: string | null, seq: number, limit: number): SpendRecord[];
  since(mark?: { journal: string; seq: number }): SpendRecord[];
}
interface Reservation {
  nanos: number;
}
interface Budgets {
  set(budget: object): void;
  remove(key: string): void;
  reserve(keys: string[], nanos: number, signal: AbortSignal): Promise<Reservation>;
  settle(reservation: Reservation, nanos: number): void;
}
interface Call {
  body: Buffer;
  settle(): void;
}
interface Spending {
  of(id: string): { setRules(rules: object | undefined): void };
}
interface Programs {
  Spending: new (state: string, onEntry: () => void) => Spending;
  meter(spending: object, instruction: null, request: object, path: string): Promise<Call>;
  AnswerReader: new (isStream: boolean) => Reader;
  priceOf(prices: ModelPrices, usage: Usage): { nanos: number; isPriced: boolean };
  Journal: new (file: string, onEntry: () => void) => Journal;
  Budgets: new () => Budgets;
}

const FOLDER = '../../images/workspace/gateway/spend';
const MODEL = 'claude-opus-5-5';
const USAGE = {
  input_tokens: 11,
  output_tokens: 47,
  cache_read_input_tokens: 300,
  cache_creation_input_tokens: 70,
  cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 20 },
};
const COUNTED = { input: 11, output: 47, cacheRead: 300, cacheWrite5m: 50, cacheWrite1h: 20, webSearches: 0 };
const NOTHING = { input: 0, output: 0, cacheRead: 0, cacheWrite5m: 0, cacheWrite1h: 0, webSearches: 0, isFast: false };
const CHARGE: Charge = {
  at: '2026-01-02T03:04:05Z',
  project: 'p',
  instruction: null,
  parts: [],
  nanos: 7,
  isEstimated: false,
};
const tokensOf = (tokens: Pick<Usage, 'input' | 'output' | 'cacheRead' | 'cacheWrite5m'>) => ({
  input_tokens: tokens.input,
  output_tokens: tokens.output,
  cache_read_input_tokens: tokens.cacheRead,
  cache_creation_input_tokens: tokens.cacheWrite5m,
});
const never = new AbortController().signal;

describe('the spend of the egress gateway', () => {
  let programs: Programs;
  let folder: string;
  let file: string;
  let files = 0;

  beforeAll(async () => {
    const modules = await Promise.all(
      ['answer-reader', 'pricing', 'journal', 'budgets', 'spending', 'metered-call'].map(
        (name) => import(`${FOLDER}/${name}.mjs`) as Promise<object>,
      ),
    );
    programs = Object.assign({}, ...modules) as Programs;
    folder = await mkdtemp(join(tmpdir(), 'devforge-spend-'));
  });
  beforeEach(() => {
    file = join(folder, `${++files}.spend`);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const request = { model: MODEL, max_tokens: 100, messages: [] };
  const parts = [
    { type: 'thinking' as const, thinking: 'so "message_delta" {"usage":{"output_tokens":9}}' },
    { type: 'text' as const, text: 'übergroß 🙂 data: {"type":"message_stop"}\n\nevent: message_delta' },
    { type: 'tool_use' as const, id: 't', name: 'Bash', input: { command: 'echo "\\u0000"' } },
  ];
  const stream = (lineEnd = '\n'): Buffer =>
    Buffer.from(
      eventsOf(turn(parts, { usage: USAGE, chunkLength: 7 }), request)
        .map((event) => `event: ${event.type}${lineEnd}data: ${JSON.stringify(event)}${lineEnd}${lineEnd}`)
        .join(''),
    );
  const read = (chunks: Buffer[], isStream = true): Reader => {
    const reader = new programs.AnswerReader(isStream);
    for (const chunk of chunks) reader.push(chunk);
    return reader;
  };
  const whole = { usage: [{ model: MODEL, ...COUNTED, isFast: false }], isEstimated: false };

  describe('reads a stream', () => {
    it.each(['\n', '\r\n'])('whatever its chunks are, with lines that end with %j', (lineEnd) => {
      const bytes = stream(lineEnd);
      for (let at = 0; at <= bytes.length; at++)
        expect(read([bytes.subarray(0, at), bytes.subarray(at)]).figures()).toEqual(whole);
      for (let size = 1; size < 200; size++) {
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
          bytes.subarray(index * size, (index + 1) * size),
        );
        const reader = read(chunks);
        expect([reader.isOver, reader.figures()]).toEqual([true, whole]);
      }
    });

    it('that breaks off anywhere, with what is known by then', () => {
      const bytes = stream();
      const isBegun = bytes.indexOf('\n', bytes.indexOf('data:'));
      const hasTotal = bytes.indexOf('\n', bytes.indexOf('data: {"type":"message_delta"'));
      for (let at = 0; at < bytes.length; at += 3) {
        const figures = read([bytes.subarray(0, at)]).figures();
        const output = figures?.usage[0]?.output ?? 0;
        const estimated = { usage: [{ model: MODEL, ...COUNTED, output, isFast: false }], isEstimated: true };
        expect(figures).toEqual(at <= isBegun ? undefined : at > hasTotal ? whole : estimated);
        expect(output > 0 && output < 150).toBe(at > isBegun);
      }
    });

    it('with an error in it, comments, and lines that are no JSON or too long', () => {
      const [start = ''] = stream().toString().split('\n\n');
      const noise = `: ping\n\ndata: {"type":\n\ndata: ${'x'.repeat(1_100_000)}\n\nevent: error\ndata: {"type":"error"}\n\n`;
      expect(read([Buffer.from(`${start}\n\n${noise}`)]).figures()).toMatchObject({
        isEstimated: true,
        usage: [{ input: 11, cacheRead: 300 }],
      });
      expect(read([Buffer.from(noise)]).figures()).toBeUndefined();
    });
  });

  it('reads an answer that is no stream, in whatever chunks it comes', () => {
    const message = { type: 'message', model: MODEL, content: [{ type: 'text', text: 'ü"}' }], usage: USAGE };
    const bytes = Buffer.from(JSON.stringify(message));
    for (let at = 0; at <= bytes.length; at++)
      expect(read([bytes.subarray(0, at), bytes.subarray(at)], false).figures()).toEqual(whole);
    expect(read([bytes.subarray(0, 40)], false).figures()).toBeUndefined();
    for (const other of ['{"input_tokens":5}', '[]', 'null', '{"type":"error","usage":{"input_tokens":5}}', ''])
      expect(read([Buffer.from(other)], false).figures()).toBeUndefined();
  });

  it('counts every model that took part, and searches; and takes no harm from what are no counts', () => {
    const usage = {
      input_tokens: 1,
      output_tokens: 2,
      server_tool_use: { web_search_requests: 3 },
      iterations: [
        { type: 'message', input_tokens: 10, output_tokens: 20 },
        { type: 'advisor_message', model: 'claude-fable-5-2', input_tokens: 30, output_tokens: 40 },
      ],
    };
    const message = (of: object): Buffer => Buffer.from(JSON.stringify({ type: 'message', model: MODEL, usage: of }));
    expect(read([message(usage)], false).figures()!.usage).toEqual([
      { ...NOTHING, model: MODEL, input: 10, output: 20, webSearches: 3 },
      { ...NOTHING, model: 'claude-fable-5-2', input: 30, output: 40 },
    ]);
    const wrong = {
      input_tokens: -1,
      output_tokens: 1.5,
      cache_read_input_tokens: '7',
      cache_creation_input_tokens: 1e99,
    };
    expect(read([message(wrong)], false).figures()!.usage).toEqual([{ ...NOTHING, model: MODEL }]);
    expect(read([message([])], false).figures()!.usage).toEqual([{ ...NOTHING, model: MODEL }]);
  });

  it.each<[string, Partial<Usage>, number, boolean]>([
    [MODEL, COUNTED, 11 * 4_000 + 47 * 20_000 + 300 * 200 + 50 * 5_000 + 20 * 8_000, true],
    ['claude-haiku-4-5-20251001', { input: 1, output: 1 }, 6_000, true],
    ['us.anthropic.claude-haiku-4-5-20251001-v1:0', { input: 1 }, 1_000, true],
    ['claude-haiku-5-5', { input: 100_000 }, 100_000 * 100, true],
    ['claude-haiku-5-5[1m]', { input: 1, cacheRead: 100_000, output: 1 }, 500 + 100_000 * 50 + 2_500, true],
    ['claude-opus-4-20250514', { input: 1 }, 15_000, true],
    ['claude-opus-4-9', { input: 1 }, 30_000, false],
    ['gpt', { output: 2 }, 2 * 150_000, false],
    [MODEL, { input: 1, isFast: true }, 8_000, true],
    ['claude-haiku-4-5', { webSearches: 2 }, 20_000_000, true],
  ])('prices %s with %j at %i nano-dollars', (model, usage, nanos, isPriced) => {
    expect(programs.priceOf(loadModelPrices(undefined), { ...NOTHING, model, ...usage })).toEqual({ nanos, isPriced });
  });

  it('prices answers as DevForge estimates them while they are not counted yet', () => {
    const table = new ModelPriceTable({} as Settings);
    const tokens = { input: 70_000, output: 47, cacheRead: 30_000, cacheWrite5m: 500 };
    for (const { model } of table.prices.models)
      for (const id of [model, `${model}-20260101`, `eu.anthropic.${model}-v1:0`, `${model}[1m]`])
        expect([id, table.estimateUsd(id, tokensOf(tokens))]).toEqual([
          id,
          programs.priceOf(table.prices, { ...NOTHING, ...tokens, model: id }).nanos / 1e9,
        ]);
    expect(table.estimateUsd('gpt', tokensOf(tokens))).toBeNull();
  });

  describe('a journal', () => {
    const open = (): Journal => new programs.Journal(file, () => undefined);

    it('keeps its entries over a crash until they are stored, with their numbers', async () => {
      const journal = open();
      for (let nanos = 1; nanos <= 3; nanos++) journal.add({ ...CHARGE, nanos });
      // The crash came in the middle of a line.
      await appendFile(file, '{"entry":{"seq":4,"na');
      const again = open();
      expect(again.id).toBe(journal.id);
      expect(again.after(null, 0, 2)).toEqual([1, 2].map((seq) => ({ ...CHARGE, nanos: seq, seq })));
      expect(again.after(again.id, 2, 9)).toMatchObject([{ seq: 3 }]);
      again.add(CHARGE);
      expect(open().after(null, 0, 9)).toMatchObject([{ seq: 3 }, { seq: 4 }]);
      expect(open().after(again.id, 4, 9)).toEqual([]);
      const last = open();
      last.add(CHARGE);
      expect(last.after(null, 0, 9)).toMatchObject([{ seq: 5 }]);
      // Numbers of another journal say nothing.
      expect(last.after('other', 9, 9)).toMatchObject([{ seq: 5 }]);
    });

    it('counts an answer that a crash has cut off as far as it was known, once', () => {
      const journal = open();
      const number = journal.begin({ ...CHARGE, nanos: 1 });
      journal.begin({ ...CHARGE, nanos: 2 });
      journal.add({ ...CHARGE, nanos: 10 }, number);
      const expected = [
        { seq: 1, nanos: 10, isEstimated: false },
        { seq: 2, nanos: 2, isEstimated: true },
      ];
      expect(open().after(null, 0, 9)).toMatchObject(expected);
      expect(open().after(null, 0, 9)).toMatchObject(expected);
    });

    it('remembers for a while what was stored, for sums that may lack it', () => {
      const journal = open();
      for (let seq = 1; seq <= 4; seq++) journal.add(CHARGE);
      journal.after(journal.id, 3, 9);
      const seqs = (mark?: { journal: string; seq: number }): number[] => journal.since(mark).map(({ seq }) => seq);
      expect(seqs({ journal: journal.id, seq: 2 })).toEqual([3, 4]);
      expect(seqs()).toEqual([1, 2, 3, 4]);
    });

    it('does not grow with what was stored', async () => {
      const journal = open();
      for (let seq = 1; seq <= 5_000; seq++) {
        journal.add(CHARGE, journal.begin(CHARGE));
        journal.after(journal.id, seq, 9);
      }
      expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThan(600);
      expect(open().isEmpty).toBe(true);
    });
  });

  describe('budgets', () => {
    const budget = (limit: number, spent = 0, more: object = {}): object => ({
      kind: 'container',
      key: 'container:c',
      limit,
      spent,
      period: null,
      ...more,
    });
    const KEYS = ['container:c', 'project_day:p'];
    /** Asks for answers and settles each when others have come meanwhile. @returns what all of them cost */
    const spend = async (budgets: Budgets, count: number, cost: number, highest = 3 * cost): Promise<number> => {
      let sum = 0;
      const one = async (): Promise<void> => {
        const reservation = await budgets.reserve(KEYS, highest, never);
        await new Promise(setImmediate);
        sum += cost;
        budgets.settle(reservation, cost);
      };
      await Promise.allSettled(Array.from({ length: count }, one));
      return sum;
    };

    it.each([
      [1_000, 7, 143],
      [1_001, 7, 143],
      [6, 7, 1],
      [10_000, 7, 200],
    ])('of %i let just the last of 200 answers at %i exceed them', async (limit, cost, answers) => {
      const budgets = new programs.Budgets();
      budgets.set(budget(limit));
      await expect(spend(budgets, 200, cost)).resolves.toBe(answers * cost);
    });

    it('count what was spent before, and refuse with the one that is used up', async () => {
      const budgets = new programs.Budgets();
      budgets.set(budget(100, 99));
      budgets.set(
        budget(50, 50, { kind: 'project_day', key: 'project_day:p', period: new Date().toISOString().slice(0, 10) }),
      );
      await expect(budgets.reserve(KEYS, 1, never)).rejects.toMatchObject({ kind: 'project_day', limit: 50 });
      // That of yesterday is over.
      budgets.set(budget(50, 50, { kind: 'project_day', key: 'project_day:p', period: '2026-01-01' }));
      await expect(spend(budgets, 3, 1)).resolves.toBe(1);
    });

    it('admit who waits when they are raised or taken away, and forget who has gone', async () => {
      const budgets = new programs.Budgets();
      budgets.set(budget(10));
      const first = await budgets.reserve(KEYS, 9, never);
      const gone = new AbortController();
      const [second, third, fourth] = [never, gone.signal, never].map((signal) => budgets.reserve(KEYS, 9, signal));
      gone.abort();
      await expect(third).rejects.toThrow('aborted');
      budgets.set(budget(20));
      await second;
      budgets.remove('container:c');
      await fourth;
      budgets.settle(first, 9);
    });
  });

  it.each([
    '/v1/messages/batches',
    '/v1/messages/batches/',
    '/v1/messages%2Fbatches',
    '/v1/messages%252Fbatches',
    '/v1/messages/batches%20',
    '/v1/messages/%09batches',
    '/v1/messages/Batches',
    '/v1/messages/b%61tches',
    '/v1/messages/batches;x=1',
    '/v1/messages/batches/count_tokens',
    '/v1/complete',
    '/v1/COMPLETE%00',
    '/v1/messages/%zz',
  ])('counts no call of %s, and refuses it under a budget', async (path) => {
    const workspace = new programs.Spending(folder, () => undefined).of('batches');
    const budget = { kind: 'project_day', key: 'project_day:p', limit: 1e15, spent: 0, period: null };
    workspace.setRules({ project: 'p', prices: loadModelPrices(undefined), budgets: [budget], marks: {} });
    const request = (): object =>
      Object.assign(Readable.from([Buffer.from('{}')]), { method: 'POST', socket: new EventEmitter() });
    const error = await programs.meter(workspace, null, request(), path).catch((thrown: Error) => thrown);
    expect(error.constructor.name).toBe('NotCounted');
    const free = await programs.meter(workspace, null, request(), '/v1/messages/count_tokens');
    expect(free).toBeUndefined();
  });

  it('holds bodies of 32 MiB for a workspace and 64 for all, while they wait for a budget', async () => {
    const MIB = 1024 * 1024;
    const spending = new programs.Spending(folder, () => undefined);
    const budget = { kind: 'project_day', key: 'project_day:p', limit: 1e15, spent: 0, period: null };
    const prices = loadModelPrices(undefined);
    const workspaces = ['a', 'b', 'c'].map((id) => {
      const workspace = spending.of(id);
      workspace.setRules({ project: 'p', prices, budgets: [budget], marks: {} });
      return workspace;
    });
    const ask = (workspace: object | undefined, bytes: number): Promise<Call> => {
      const body = Readable.from(Array.from({ length: bytes / MIB }, () => Buffer.alloc(MIB)));
      const request = Object.assign(body, { method: 'POST', socket: new EventEmitter() });
      return programs.meter(workspace!, null, request, '/v1/messages');
    };
    const [a, b, c] = workspaces;
    await expect(ask(a, 33 * MIB)).rejects.toMatchObject({ isTemporary: false });
    const first = await ask(a, 20 * MIB);
    expect(first.body).toHaveLength(20 * MIB);
    await expect(ask(a, 13 * MIB)).rejects.toMatchObject({ isTemporary: true });
    const others = [await ask(a, 12 * MIB), await ask(b, 32 * MIB)];
    await expect(ask(c, MIB)).rejects.toMatchObject({ isTemporary: true });
    for (const call of [first, ...others]) call.settle();
    (await ask(c, 32 * MIB)).settle();
    (await ask(a, 32 * MIB)).settle();
  });
});
