/** What containers spend on models, as the gateway counts it, and the budgets that it keeps. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container, Spend } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { bash, overloaded, rateLimited, say, unauthorized } from '../support/messages-api/replies.js';
import { parseExposition } from '../support/prometheus/parse.js';
import { answersOf, SpendRoom } from '../support/spend/spend-room.js';

const CLAUDE_MS = 120_000;
const OPUS = 'claude-opus-5-5';
const HAIKU = 'claude-haiku-4-5-20251001';
/** At $4, $20, $0.20, $5 and $8 for a million: $0.0400, $0.0400, $0.0200, $0.0250 and $0.0080. */
const USAGE = {
  input_tokens: 10_000,
  output_tokens: 2_000,
  cache_read_input_tokens: 100_000,
  cache_creation_input_tokens: 6_000,
  cache_creation: { ephemeral_5m_input_tokens: 5_000, ephemeral_1h_input_tokens: 1_000 },
};
const OPUS_USD = 0.133;
/** What an answer to {@link ASK} may cost: it has a prompt of some 4,000 bytes and asks for 3,000 tokens at most. */
const SMALL = { input_tokens: 1_000, output_tokens: 2_000 };
const SMALL_USD = 0.044;
const MODEL_URL = 'http://127.0.0.1:3128/model';
/** At $1, $5, $0.10, $1.25 and $2. */
const HAIKU_USD = 0.03825;

/** Asks for answers, many at a time, and prints the status of each and what the last one that was refused said. */
const ASK = `
import json, sys, threading, urllib.error, urllib.request
url, count, model = sys.argv[1], int(sys.argv[2]), sys.argv[3]
body = json.dumps({'model': model, 'max_tokens': 3000, 'stream': True, 'messages': [{'role': 'user', 'content': 'hello ' * 700}], 'tools': [{'name': 't', 'input_schema': {}}]}).encode()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
statuses, refused = [], []
def ask():
    try:
        with opener.open(urllib.request.Request(url + '/v1/messages', body, {'content-type': 'application/json'}), timeout=100) as answer:
            answer.read()
            statuses.append(answer.status)
    except urllib.error.HTTPError as error:
        refused.append([error.headers.get('x-should-retry'), error.read().decode()])
        statuses.append(error.code)
    except Exception as error:
        statuses.append(type(error).__name__)
threads = [threading.Thread(target=ask) for _ in range(count)]
for each in threads: each.start()
for each in threads: each.join()
print(json.dumps({'statuses': {str(each): statuses.count(each) for each in set(statuses)}, 'refused': refused[-1:]}))
`;

interface Asked {
  statuses: Record<string, number>;
  refused: [string, string][];
}

describe('spend', () => {
  let room: SpendRoom;

  beforeAll(async () => {
    room = await SpendRoom.open();
  }, IMAGE_BUILD_MS);
  afterAll(() => room?.close(), 60_000);

  const ask = async (container: Container, count: number, model = OPUS): Promise<Asked> => {
    const program = Buffer.from(ASK).toString('base64');
    const write = `echo ${program} | base64 -d > /tmp/ask.py`;
    return JSON.parse(
      await room.run(container, `${write}; python3 /tmp/ask.py ${MODEL_URL} ${count} ${model}`),
    ) as Asked;
  };

  it(
    'counts what Claude Code spends: two models, cache tokens, for its instruction, container, project and principal',
    async () => {
      const { container, model } = await room.container();
      model.replyToSideRequests(() => say('ok', { usage: USAGE }));
      model.replyNext(
        bash('echo 1', { usage: USAGE }),
        say('Done.', { usage: USAGE }),
        say('Again.', { usage: USAGE }),
      );
      const first = await room.instructions.create(container.id, 'go', { model: OPUS });
      await expect(room.instructions.waitForEnd(first.id)).resolves.toMatchObject({ status: 'succeeded' });
      const second = await room.instructions.create(container.id, 'go on', { model: HAIKU });
      await expect(room.instructions.waitForEnd(second.id)).resolves.toMatchObject({ status: 'succeeded' });
      const asked = Map.groupBy(model.requests, ({ body }) => body.model);
      const usdOf = (id: string): number => (asked.get(id)?.length ?? 0) * (id === OPUS ? OPUS_USD : HAIKU_USD);
      const all = await room.spend('containers', container.id);
      expect(all).toMatchObject({ budgetUsd: null, metered: true });
      expect(all.byModel.map(({ model: id, answers }) => [id, answers])).toEqual(
        [...asked].map(([id, requests]) => [id, requests.length]).toSorted(),
      );
      for (const { model: id, usd, answers, ...tokens } of all.byModel) {
        expect(usd).toBeCloseTo(usdOf(id), 9);
        expect(tokens).toEqual({
          inputTokens: 10_000 * answers,
          outputTokens: 2_000 * answers,
          cacheReadTokens: 100_000 * answers,
          cacheWriteTokens: 6_000 * answers,
          webSearches: 0,
          estimatedAnswers: 0,
          priced: true,
        });
      }
      const ofEach = await Promise.all([first, second].map(({ id }) => room.spend('instructions', id)));
      expect(ofEach[0]!.usd + ofEach[1]!.usd).toBeCloseTo(all.usd, 9);
      expect(ofEach[0]!.usd).toBeGreaterThanOrEqual(2 * OPUS_USD);
      for (const by of ['day', 'container', 'instruction', 'principal']) {
        const path = `/api/projects/${container.projectId}/spend`;
        const project = ok(await room.server.api.request<Spend & { items: Spend[] }>('GET', path, { query: { by } }));
        expect(project.usd).toBeCloseTo(all.usd, 9);
        expect(project.items.reduce((sum, { usd }) => sum + usd, 0)).toBeCloseTo(all.usd, 9);
        expect(project).toMatchObject({ usdToday: project.usd, usdMonth: project.usd });
      }
      const metrics = parseExposition((await room.server.api.request<string>('GET', '/metrics')).body);
      expect(metrics.find('devforge_model_cost_usd_total')[0]!.value).toBeCloseTo(all.usd, 9);
      expect(metrics.find('devforge_model_tokens_total', { kind: 'cache_read' })[0]!.value).toBe(
        100_000 * answersOf(all),
      );
    },
    CLAUDE_MS,
  );

  it('counts nothing for errors, and what is known of an answer that breaks off', async () => {
    const { container, model } = await room.container({ egress: 'open' });
    model.replyNext(unauthorized(), rateLimited(), overloaded());
    const statuses = [];
    for (let each = 0; each < 3; each++) statuses.push(...Object.keys((await ask(container, 1)).statuses));
    expect(statuses).toEqual(['401', '429', '529']);
    model.replyNext(
      say('x'.repeat(4_000), {
        usage: USAGE,
        chunkLength: 400,
        chunkDelayMs: 5,
        interrupted: { at: 'during', by: 'cut' },
      }),
    );
    await ask(container, 1);
    const [broken] = (await room.counted(container.id, 1)).byModel;
    expect(broken).toMatchObject({ answers: 1, estimatedAnswers: 1, inputTokens: 10_000, cacheReadTokens: 100_000 });
    expect(broken!.outputTokens).toBeGreaterThan(300);
    expect(broken!.outputTokens).toBeLessThan(800);
    model.replyNext(say('ok', { usage: { input_tokens: 1, output_tokens: 1 } }));
    await ask(container, 1, 'some-model-of-tomorrow');
    const unknown = (await room.counted(container.id, 2)).byModel.find(({ priced }) => !priced);
    expect(unknown).toMatchObject({ model: 'some-model-of-tomorrow', inputTokens: 1, usd: 0.00018 });
  });

  it(
    'carries errors and broken streams to Claude Code, which gets over them, or ends with the credential that was refused',
    async () => {
      const { container, model } = await room.container();
      model.replyNext(
        bash('echo 1'),
        overloaded(),
        rateLimited(),
        say('Cut.', { interrupted: { at: 'during', by: 'cut' } }),
        say('At last.'),
      );
      const first = await room.instructions.create(container.id, 'go');
      await expect(room.instructions.waitForEnd(first.id)).resolves.toMatchObject({
        status: 'succeeded',
        result: expect.stringContaining('At last.'),
      });
      model.replyByDefault(unauthorized());
      const second = await room.instructions.create(container.id, 'go on');
      await expect(room.instructions.waitForEnd(second.id)).resolves.toMatchObject({
        status: 'failed',
        statusReason: { code: 'auth_failed' },
      });
    },
    CLAUDE_MS,
  );

  it(
    'ends an instruction whose budget is used up, and no other one',
    async () => {
      const { container, model } = await room.container();
      model.replyByDefault(() => bash('true', { usage: USAGE }));
      const limited = await room.instructions.create(container.id, 'go', { model: OPUS, budgetUsd: 0.5 });
      const ended = await room.instructions.waitForEnd(limited.id);
      expect(ended).toMatchObject({ status: 'failed', budgetUsd: 0.5, statusReason: { code: 'budget_exceeded' } });
      const spent = await room.spend('instructions', limited.id);
      expect(spent.usd).toBeGreaterThanOrEqual(0.5);
      expect(spent.usd).toBeLessThan(0.5 + OPUS_USD);
      // Nothing more was asked for after the answer with which the budget was used up.
      expect(model.requests).toHaveLength(answersOf(spent));
      model.replyByDefault(say('Done.', { usage: USAGE }));
      const next = await room.instructions.create(container.id, 'go on', { model: OPUS });
      await expect(room.instructions.waitForEnd(next.id)).resolves.toMatchObject({ status: 'succeeded' });
    },
    CLAUDE_MS,
  );

  it('keeps the budgets of a container and of a project over 200 answers at once, to the cent', async () => {
    const project = ok(
      await room.server.api.request<{ id: string }>('POST', '/api/projects', {
        body: { name: 'thrifty', budgetUsd: { day: 13.21 } },
      }),
    );
    const { container, model } = await room.container({ budgetUsd: 3.32, projectId: project.id });
    model.replyByDefault(say('ok', { usage: SMALL, chunkDelayMs: 5 }));
    const asked = await ask(container, 200);
    // $3.32 are 75.45 answers, so the 76th is the last one.
    expect(asked.statuses).toEqual({ 200: 76, 402: 124 });
    expect(asked.refused[0]![0]).toBe('false');
    expect(JSON.parse(asked.refused[0]![1])).toMatchObject({
      error: {
        type: 'billing_error',
        message: expect.stringContaining('budget of the container, 3.32 USD, is used up'),
      },
    });
    expect((await room.counted(container.id, 76)).usd).toBeCloseTo(76 * SMALL_USD, 9);
    const raised = await room.server.api.request('PATCH', `/api/containers/${container.id}`, {
      body: { budgetUsd: null },
    });
    ok(raised);
    const more = await ask(container, 200);
    // Those of the project: $13.21 are 300.23 answers.
    expect(more.statuses).toEqual({ 200: 200 });
    const last = await ask(container, 200);
    expect(last.statuses).toEqual({ 200: 25, 402: 175 });
    expect(last.refused[0]![1]).toContain('budget of the project for this day');
    expect((await room.counted(container.id, 301)).usd).toBeCloseTo(301 * SMALL_USD, 9);
    ok(await room.server.api.request('PATCH', `/api/projects/${project.id}`, { body: { budgetUsd: {} } }));
    expect((await ask(container, 1)).statuses).toEqual({ 200: 1 });
  }, 90_000);

  it('loses nothing and counts nothing twice when gateway and server are killed', async () => {
    const { container, model } = await room.container({ budgetUsd: 0.6 });
    model.replyByDefault(say('ok', { usage: SMALL }));
    expect((await ask(container, 3)).statuses).toEqual({ 200: 3 });
    await room.counted(container.id, 3);
    // The gateway dies in the middle of an answer.
    model.replyNext(
      say('x'.repeat(400), {
        usage: SMALL,
        chunkLength: 40,
        chunkDelayMs: 5,
        interrupted: { at: 'during', by: 'hang' },
      }),
    );
    const cut = ask(container, 1);
    await model.waitForTurn(4);
    await room.killGateway();
    await cut;
    const afterCut = await room.counted(container.id, 4);
    expect(afterCut.byModel).toMatchObject([{ answers: 4, estimatedAnswers: 1 }]);
    // The server dies, and the gateway with what the server has not got.
    await ask(container, 1);
    const before = await room.counted(container.id, 5);
    await room.server.devforge.kill();
    await expect(room.runAtEngine(container, `python3 /tmp/ask.py ${MODEL_URL} 4 ${OPUS}`)).resolves.toContain(
      '"200": 4',
    );
    await room.killGateway();
    await room.server.devforge.restart();
    const all = await room.counted(container.id, 9);
    expect(all.usd).toBeCloseTo(before.usd + 4 * SMALL_USD, 9);
    // The budget holds over all of that: $0.60 are 13.6 answers.
    const asked = await ask(container, 20);
    const total = await room.counted(container.id, 9 + asked.statuses['200']!);
    expect(total.usd).toBeGreaterThanOrEqual(0.6);
    expect(total.usd).toBeLessThan(0.6 + SMALL_USD);
    // What a container has spent stays with its project when the container is gone.
    model.replyByDefault(say('ok', { usage: SMALL }));
    await room.server.api.remove(container.id);
    const path = `/api/projects/${container.projectId}/spend`;
    const { items } = ok(
      await room.server.api.request<{ items: { key: string; usd: number }[] }>('GET', path, {
        query: { by: 'container' },
      }),
    );
    expect(items.find(({ key }) => key === container.id)!.usd).toBe(total.usd);
  }, 120_000);

  it('says where it does not count, and refuses what it cannot', async () => {
    const { container } = await room.container({
      env: { ANTHROPIC_API_KEY: 'of its own' },
      credentials: [],
      egress: 'open',
    });
    await expect(room.spend('containers', container.id)).resolves.toEqual({
      usd: 0,
      budgetUsd: null,
      metered: false,
      byModel: [],
    });
    const wrong = await room.server.api.create({ name: 'wrong', template: 'claude', budgetUsd: 0 });
    expect(problem(wrong)).toMatchObject({ code: 'validation_failed', errors: [{ field: 'budgetUsd' }] });
    const limited = await room.container({ budgetUsd: 1 });
    const batches = await room.run(
      limited.container,
      `curl -sS --noproxy '*' -X POST -d '{}' ${MODEL_URL}/v1/messages/batches`,
    );
    expect(batches).toContain('batches and completions are not counted');
    for (const [path, answer] of [
      ['messages%2Fbatches', 'encoded separators'],
      ['messages/x%2e%2e/batches', 'encoded separators'],
      ['messages/batches%20', 'are not counted'],
      ['messages/Batches', 'are not counted'],
    ])
      expect(
        await room.run(
          limited.container,
          `curl -sS --path-as-is --noproxy '*' -X POST -d '{}' ${MODEL_URL}/v1/${path}`,
        ),
      ).toContain(answer);
  });
});
