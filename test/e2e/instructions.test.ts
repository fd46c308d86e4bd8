/** Instructions executed by the real Claude Code in real containers, with a scripted model. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { GitServers } from '../support/git/git-servers.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { type InstructionsClient, seqsOf, range } from '../support/instructions/instructions-client.js';
import { bash, call, say, turn } from '../support/messages-api/replies.js';

jest.setTimeout(120_000);

describe('instructions', () => {
  let server: InstructionsServer;
  let git: GitServers;
  let instructions: InstructionsClient;
  let workspace: Workspace;

  beforeAll(async () => {
    server = await startInstructionsServer();
    ({ instructions } = server);
    git = await gitFixture(server);
    workspace = await server.workspace({ repoType: 'clone', repoUrl: git.url('https', 'open') });
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  const inWorkspace = async (script: string): Promise<string> =>
    (await server.engine.exec(workspace.container.dockerId!, ['sh', '-c', script], { cwd: '/workspace' })).stdout;

  it('are accepted, executed and return their result', async () => {
    const { container, model } = workspace;
    model.replyNext(say('Hello, operator.'));
    const accepted = await instructions.post(container.name, { prompt: 'Say hello.' });
    expect(accepted.status).toBe(202);
    const { id } = accepted.body;
    expect(accepted.headers.get('location')).toBe(`/api/instructions/${id}`);
    expect(accepted.body).toMatchObject({
      containerId: container.id,
      prompt: 'Say hello.',
      status: 'queued',
      startedAt: null,
      lastSeq: 0,
      permissions: [],
      diff: null,
    });
    const ended = await instructions.waitForEnd(id);
    expect(ended).toMatchObject({
      status: 'succeeded',
      statusReason: null,
      result: 'Hello, operator.',
      turns: 1,
      costUsd: expect.any(Number),
      costEstimated: false,
      timeoutSeconds: 21_600,
      sessionId: expect.any(String),
    });
    expect(ended.usage).toMatchObject({ output_tokens: expect.any(Number) });
    const events = await instructions.events(id);
    expect(seqsOf(events)).toEqual(range(ended.lastSeq));
    expect(events.find(({ event }) => event.subtype === 'init')!.event).toMatchObject({
      type: 'system',
      session_id: ended.sessionId,
    });
    expect(events.at(-1)!.event).toMatchObject({ type: 'result', result: 'Hello, operator.' });
  });

  it('edit and commit files, and provide the patch', async () => {
    const { container, model } = workspace;
    model.replyNext(
      turn([
        { type: 'text', text: 'Writing.' },
        { type: 'tool_use', name: 'Write', input: { file_path: '/workspace/new file.txt', content: 'ü\n' } },
      ]),
      bash(
        'printf "more\\n" >> README.md && git add README.md && git -c user.name=a -c user.email=a@b commit -q -m "More" && echo untracked > loose.txt && echo Umlaut > Straße.txt',
      ),
      say('Done.'),
    );
    const head = (await inWorkspace('git rev-parse HEAD')).trim();
    const { id } = await instructions.create(container.id, 'Write and commit.');
    const ended = await instructions.waitForEnd(id);
    expect(ended).toMatchObject({
      status: 'succeeded',
      result: 'Done.',
      turns: 3,
      diff: { truncated: false, files: 4, insertions: 4, deletions: 0 },
    });
    expect((await inWorkspace('git rev-parse HEAD~1')).trim()).toBe(head);
    expect(await inWorkspace('git status --porcelain')).toContain('?? loose.txt\n?? "new file.txt"\n');

    const diff = await instructions.diff(id);
    expect(diff.headers.get('content-type')).toMatch(/^text\/x-diff/);
    expect(Buffer.byteLength(diff.body)).toBe(ended.diff!.bytes);
    for (const part of ['+more', '+++ b/loose.txt', '+untracked', '+++ b/Straße.txt', '+++ "b/new file.txt"', '+ü']) {
      expect(diff.body.replace('+++ b/new file.txt\t', '+++ "b/new file.txt"')).toContain(part);
    }
    // The patch turns the earlier commit into the present state.
    await server.engine.exec(
      container.dockerId!,
      [
        'sh',
        '-c',
        `rm -rf /tmp/copy && git clone -q /workspace /tmp/copy && cd /tmp/copy && git checkout -q ${head} && printf %s "$PATCH" | git apply`,
      ],
      { env: { PATCH: diff.body } },
    );
    expect(await inWorkspace('cd /tmp/copy && cat README.md "new file.txt" loose.txt')).toBe(
      'hello\nmore\nü\nuntracked\n',
    );
  });

  it('continue a given session, or the latest one', async () => {
    const { container, model } = await server.workspace();
    model.replyNext(say('I remember 42.'), say('It was 42.'), say('Still 42.'), say('A new one.'));
    const first = await instructions.waitForEnd((await instructions.create(container.id, 'Remember 42.')).id);
    const second = await instructions.waitForEnd(
      (await instructions.create(container.id, 'What was it?', { sessionId: first.sessionId! })).id,
    );
    const third = await instructions.waitForEnd(
      (await instructions.create(container.id, 'And now?', { continue: true })).id,
    );
    const fresh = await instructions.waitForEnd((await instructions.create(container.id, 'Who are you?')).id);
    expect([second, third].map(({ sessionId }) => sessionId)).toEqual([first.sessionId, first.sessionId]);
    expect(fresh.sessionId).not.toBe(first.sessionId);
    const messagesOf = (number: number): string => JSON.stringify(model.turns[number]!.body.messages);
    expect(messagesOf(2)).toMatch(/Remember 42.*I remember 42.*What was it.*It was 42.*And now/);
    expect(messagesOf(3)).not.toContain('42');
  });

  it('run in order in each container, and in parallel in ten containers', async () => {
    const workspaces = await Promise.all(
      Array.from({ length: 10 }, () => server.workspace({ cpuLimit: 1, memoryLimit: 512 })),
    );
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    for (const { model } of workspaces) {
      model.replyNext(async () => (await released, say('first')), say('second'));
    }
    const ids = await Promise.all(
      workspaces.map(async ({ container }) => {
        const created: string[] = [];
        for (const prompt of ['1', '2']) created.push((await instructions.create(container.id, prompt)).id);
        return created;
      }),
    );
    // All ten are in their first turn at the same time.
    await Promise.all(workspaces.map(({ model }) => model.waitForTurn(1, 120_000)));
    const statuses = await Promise.all(ids.flat().map(async (id) => ok(await instructions.get(id)).status));
    expect(statuses).toEqual(ids.flatMap(() => ['running', 'queued']));
    release();
    for (const [index, { container, model }] of workspaces.entries()) {
      const ended = [];
      for (const id of ids[index]!) ended.push(await instructions.waitForEnd(id, 180_000));
      expect(ended.map(({ status, result }) => [status, result])).toEqual([
        ['succeeded', 'first'],
        ['succeeded', 'second'],
      ]);
      expect(ended[1]!.startedAt! >= ended[0]!.finishedAt!).toBe(true);
      expect(model.turns).toHaveLength(2);
      expect(ok(await instructions.list(container.id)).items.map(({ id }) => id)).toEqual(ids[index]!.toReversed());
      const page = ok(await instructions.list(container.id, { limit: 1 }));
      expect(page.items).toHaveLength(1);
      expect(ok(await instructions.list(container.id, { limit: 1, cursor: page.nextCursor! }))).toMatchObject({
        items: [{ id: ids[index]![0] }],
        nextCursor: null,
      });
    }
    await Promise.all(workspaces.map(({ container }) => server.api.remove(container.id)));
  }, 300_000);

  it('are created once for one idempotency key', async () => {
    const { container, model } = workspace;
    model.replyNext(say('Once.'));
    const before = model.turns.length;
    const key = { 'idempotency-key': randomUUID() };
    const answers = await Promise.all(
      [1, 2, 3].map(() => instructions.post(container.id, { prompt: 'Once only.' }, key)),
    );
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    expect(problem(await instructions.post(container.id, { prompt: 'Twice.' }, key))).toMatchObject({
      status: 422,
      code: 'idempotency_key_reused',
    });
    expect(
      problem(await instructions.post(container.id, { prompt: 'Once only.' }, { 'idempotency-key': 'a b' })).code,
    ).toBe('validation_failed');
    await instructions.waitForEnd(answers[0]!.body.id);
    expect(ok(await instructions.post(container.id, { prompt: 'Once only.' }, key))).toMatchObject({
      id: answers[0]!.body.id,
      status: 'succeeded',
    });
    expect(model.turns.length).toBe(before + 1);
  });

  it('end with a reason at a limit, at a timeout and without their session', async () => {
    const { container, model } = await server.workspace();
    const run = async (prompt: string, more = {}) =>
      instructions.waitForEnd((await instructions.create(container.id, prompt, more)).id);
    model.replyByDefault(bash('true'));
    await expect(run('For ever.', { maxTurns: 2 })).resolves.toMatchObject({
      status: 'failed',
      statusReason: { code: 'max_turns' },
    });
    await expect(run('For ever.', { maxBudgetUsd: 0.000_01 })).resolves.toMatchObject({
      status: 'failed',
      statusReason: { code: 'budget_exceeded' },
    });
    await expect(run('Who?', { sessionId: randomUUID() })).resolves.toMatchObject({
      status: 'failed',
      statusReason: { code: 'session_not_found' },
    });
    model.replyByDefault(bash('sleep 60'));
    await expect(run('Sleep.', { timeoutSeconds: 3 })).resolves.toMatchObject({
      status: 'timed_out',
      statusReason: { code: 'timed_out' },
    });
  }, 120_000);

  it('leave only an outcome file in the container', async () => {
    const { container, model } = workspace;
    model.replyNext(say('Gone.'));
    const { id } = await instructions.waitForEnd((await instructions.create(container.id, 'Leave.')).id);
    const folder = `/var/lib/devforge/instructions/${id}`;
    await until(
      'the other files of the run to be removed',
      async () => (await inWorkspace(`ls ${folder}`)) === 'outcome.json\n',
    );
    // The outcome file makes a late start do nothing.
    const turns = model.turns.length;
    expect(
      await inWorkspace(
        `echo '{"prompt":"x","cwd":"/workspace","permissionMode":"manual","newSessionId":"${id}"}' | devforge-instruction start ${id}`,
      ),
    ).toBe('devforge-instruction 2\n{"state":"ended"}\n');
    expect(model.turns).toHaveLength(turns);
  });

  it('have an empty patch when they change nothing', async () => {
    const { model, container } = workspace;
    model.replyNext(call('Read', { file_path: '/workspace/README.md' }), say('Read.'));
    const ended = await instructions.waitForEnd((await instructions.create(container.id, 'Read.')).id);
    expect(ended).toMatchObject({ status: 'succeeded', diff: { bytes: 0, truncated: false } });
    await expect(instructions.diff(ended.id)).resolves.toMatchObject({ status: 200, body: undefined });
  });
});
