import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { workspaceImage } from '../support/images/workspace-image.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { failed } from '../support/instructions/failed-outcome.js';
import { until } from '../support/e2e/until.js';
import { type Instruction, WorkspaceHarness } from '../support/instructions/workspace-harness.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { bash, call, overloaded, rateLimited, say, unauthorized } from '../support/messages-api/replies.js';
import type { ScriptedModel } from '../support/messages-api/scripted-model.js';

/** Enough for a loaded machine. */
const TIMEOUT_MS = 120_000;
/** By default Claude Code retries ten times, which takes minutes. */
const ONE_RETRY = { CLAUDE_CODE_MAX_RETRIES: '1' };

describe('devforge-instruction with the real Claude Code', () => {
  let api: MessagesApi;
  let workspace: WorkspaceHarness;
  let models = 0;

  const model = (): ScriptedModel => api.model(`runner-${(models += 1)}`);
  const instruct = (scripted: ScriptedModel, extra: object = {}, env: Record<string, string> = {}): Instruction =>
    workspace.instruction('Do as the script says', { ...scripted.env, ...env }, extra);

  beforeAll(async () => {
    const [image, started] = await Promise.all([workspaceImage('claude'), startMessagesApi()]);
    api = started;
    workspace = await WorkspaceHarness.create(image);
    await workspace.shell(
      'git init -q -b main && git config user.email dev@example.org && git config user.name Dev && echo one > a.txt && git add -A && git commit -qm First',
    );
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await workspace?.dispose();
    await api?.close();
  });

  describe('a run', () => {
    it(
      'edits and commits files with its tools, and reports its patch',
      async () => {
        const scripted = model().replyNext(
          call('Write', { file_path: '/workspace/note.txt', content: 'grüße\n' }),
          call('Edit', { file_path: '/workspace/note.txt', old_string: 'grüße', new_string: 'grüße 🌍' }),
          bash('git add -A && git commit -qm Note && echo later > later.txt && umask'),
          say('All is written.', { usage: { output_tokens: 100 } }),
        );
        const run = instruct(scripted);
        const { state, events, outcome } = await run.start();
        expect(state).toBe('started');
        expect(events.find(({ subtype }) => subtype === 'init')).toMatchObject({
          session_id: run.session,
          mcp_servers: [],
          permissionMode: 'bypassPermissions',
        });
        expect(events.at(-1)).toMatchObject({ type: 'result', subtype: 'success' });
        expect(await run.events()).toEqual(events);
        expect(outcome).toMatchObject({
          status: 'succeeded',
          reason: null,
          sessionId: run.session,
          result: 'All is written.',
          turns: 4,
          events: events.length,
          exitCode: 0,
          resumes: 0,
          diffTruncated: false,
        });
        expect(outcome!.costUsd).toBeGreaterThan(0);
        expect(outcome!.usage!['output_tokens']).toBeGreaterThan(100);
        const patch = await run.diff();
        expect(patch.match(/^diff --git .*/gm)).toEqual([
          'diff --git a/later.txt b/later.txt',
          'diff --git a/note.txt b/note.txt',
        ]);
        expect(patch).toContain('+grüße 🌍');
        expect(
          await workspace.shell('git log --format=%s; git status --porcelain; stat -c %a note.txt later.txt'),
        ).toBe('Note\nFirst\n?? later.txt\n644\n644\n');
        expect(scripted.turns.at(-1)!.toolResults[0]!.text.trim()).toBe('0022');
      },
      TIMEOUT_MS,
    );

    it(
      'continues a session by id or the latest one, and counts only its own cost',
      async () => {
        const scripted = model().replyNext(say('One.'), say('Two.'), say('Three.'));
        const first = await instruct(scripted).outcome();
        const second = await instruct(scripted, { sessionId: first.sessionId }).outcome();
        const third = await instruct(scripted, { continue: true }).outcome();
        expect([first, second, third]).toMatchObject([{ result: 'One.' }, { result: 'Two.' }, { result: 'Three.' }]);
        expect([second.sessionId, third.sessionId]).toEqual([first.sessionId, first.sessionId]);
        expect(JSON.stringify(scripted.turns[2]!.body.messages)).toMatch(/One\..*Two\./);
        expect(third.costUsd).toBeLessThan(first.costUsd * 2);
      },
      TIMEOUT_MS,
    );

    it(
      'ends at its limits of turns, cost and time',
      async () => {
        const busy = (): ScriptedModel => model().replyByDefault(bash('true'));
        expect(await instruct(busy(), { maxTurns: 2 }).outcome()).toMatchObject(failed('max_turns'));
        expect(await instruct(busy(), { maxBudgetUsd: 0.000_001 }).outcome()).toMatchObject(failed('budget_exceeded'));
        const slow = model().replyByDefault(bash('sleep 1'));
        expect(await instruct(slow, { timeoutSeconds: 8 }).outcome()).toMatchObject({
          status: 'timed_out',
          reason: { code: 'timed_out' },
          resumes: 0,
        });
      },
      TIMEOUT_MS,
    );
  });

  describe('a permission', () => {
    const requestIdOf = async (run: Instruction): Promise<string> =>
      (await run.waitForEvent(({ type }) => type === 'control_request')).request_id!;

    it.each([
      ['allow', { decision: 'allow' }, { isError: false }, '/tmp/allowed\n'],
      [
        'deny',
        { decision: 'deny', message: 'Not on a Sunday' },
        { isError: true, text: expect.stringContaining('Not on a Sunday') },
        '',
      ],
    ])(
      'is requested in manual mode, and the answer is %s',
      async (_, decision, result, listed) => {
        const scripted = model().replyNext(bash('touch /tmp/allowed'), say('Done.'));
        const run = instruct(scripted, { permissionMode: 'manual' });
        const following = run.start();
        const request = await requestIdOf(run);
        await expect(run.state('answer', [request], decision)).resolves.toBe('answered');
        expect(await following).toMatchObject({ outcome: { status: 'succeeded', resumes: 0 } });
        expect(scripted.turns[1]!.toolResults).toMatchObject([result]);
        expect(await workspace.shell('ls /tmp/allowed || true; rm -f /tmp/allowed')).toBe(listed);
      },
      TIMEOUT_MS,
    );
  });

  describe('cancelling', () => {
    const expectNoProcesses = async (): Promise<void> => {
      await until(
        'its processes to end',
        async () => !(await workspace.shell('ps -eo args')).match(/claude|sleep 600|main\.mjs/),
        TIMEOUT_MS,
      );
    };

    it.each<[string, (scripted: ScriptedModel) => Promise<Instruction>]>([
      [
        'before the first event',
        async (scripted) => {
          const run = instruct(scripted.replyByDefault(say('Never said.')));
          void run.start();
          await until(
            'the run to start',
            async () => (await workspace.shell(`ls /var/lib/devforge/instructions/${run.id}/run.json`)) !== '',
            TIMEOUT_MS,
          );
          return run;
        },
      ],
      [
        'during the stream',
        async (scripted) => {
          const run = instruct(
            scripted.replyNext(say('Half of it.', { chunkDelayMs: 1, interrupted: { at: 'during', by: 'hang' } })),
          );
          void run.start();
          await scripted.waitForTurn(1);
          return run;
        },
      ],
      [
        'during a tool call',
        async (scripted) => {
          const run = instruct(scripted.replyNext(bash('setsid sleep 600 & sleep 600')));
          void run.start();
          await until(
            'the tool to run',
            async () => (await workspace.shell('pgrep -fx "sleep 600" | wc -l')).trim() === '2',
            TIMEOUT_MS,
          );
          return run;
        },
      ],
      [
        'during a permission request',
        async (scripted) => {
          const run = instruct(scripted.replyNext(bash('touch x')), { permissionMode: 'manual' });
          void run.start();
          await run.waitForEvent(({ type }) => type === 'control_request');
          return run;
        },
      ],
    ])(
      'ends the run and its processes %s',
      async (_, begin) => {
        const run = await begin(model());
        await expect(run.state('cancel')).resolves.toBe('cancelling');
        const outcome = await until(
          'the outcome',
          async () =>
            (await run.resume()).state === 'ended' &&
            (JSON.parse(await workspace.shell(`cat /var/lib/devforge/instructions/${run.id}/outcome.json`)) as object),
          TIMEOUT_MS,
        );
        expect(outcome).toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' } });
        await expectNoProcesses();
      },
      TIMEOUT_MS,
    );
  });

  describe('an error of the API', () => {
    it(
      'fails the run with auth_failed within 20 s for a refused credential',
      async () => {
        const began = Date.now();
        expect(await instruct(model().replyByDefault(unauthorized())).outcome()).toMatchObject(failed('auth_failed'));
        expect(Date.now() - began).toBeLessThan(20_000);
      },
      TIMEOUT_MS,
    );

    it(
      'fails the run with auth_failed without a credential',
      async () => {
        const { ANTHROPIC_BASE_URL } = model().env;
        expect(
          await workspace.instruction('Hello', { ANTHROPIC_BASE_URL: ANTHROPIC_BASE_URL! }, {}).outcome(),
        ).toMatchObject(failed('auth_failed'));
      },
      TIMEOUT_MS,
    );

    it.each([
      ['rate_limited', rateLimited(1)],
      ['overloaded', overloaded()],
      ['api_error', say('Never said.', { interrupted: { at: 'during', by: 'cut' } })],
      ['session_not_found', say('Never said.')],
    ])(
      'fails the run with %s',
      async (code, reply) => {
        const extra = code === 'session_not_found' ? { sessionId: '00000000-0000-4000-8000-000000000000' } : {};
        expect(await instruct(model().replyByDefault(reply), extra, ONE_RETRY).outcome()).toMatchObject(failed(code));
      },
      TIMEOUT_MS,
    );

    it(
      'does not fail the run when retries succeed',
      async () => {
        const scripted = model().replyNext(
          overloaded(),
          rateLimited(1),
          say('Cut.', { interrupted: { at: 'during', by: 'cut' } }),
          say('At last.'),
        );
        const { events, outcome } = await instruct(scripted).start();
        expect(outcome).toMatchObject({ status: 'succeeded', result: expect.stringContaining('At last.'), resumes: 0 });
        expect(events.filter(({ subtype }) => subtype === 'api_retry').length).toBeGreaterThanOrEqual(2);
      },
      TIMEOUT_MS,
    );

    it.each(['before', 'during', 'after'] as const)(
      'stalls the run when the API hangs %s the stream, and a resume continues it',
      async (at) => {
        const scripted = model().replyNext(
          say('Slow.', { chunkDelayMs: 1, interrupted: { at, by: 'hang' } }),
          say('On.'),
        );
        const endless = model().replyByDefault(say('Slow.', { chunkDelayMs: 1, interrupted: { at, by: 'hang' } }));
        const outcomes = await Promise.all([
          instruct(scripted, { stallSeconds: 6 }).outcome(),
          instruct(endless, { stallSeconds: 6, resumes: 0 }).outcome(),
        ]);
        expect(outcomes).toMatchObject([
          { status: 'succeeded', result: 'On.', resumes: 1 },
          { ...failed('stalled'), resumes: 0 },
        ]);
        expect(scripted.turns[1]!.prompt).toContain('Continue where you left off.');
        expect(JSON.stringify(scripted.turns[1]!.body.messages)).toContain('Do as the script says');
      },
      TIMEOUT_MS,
    );
  });

  describe('processes', () => {
    const working = async (): Promise<{ run: Instruction; scripted: ScriptedModel; following: Promise<unknown> }> => {
      const scripted = model().replyNext(bash('echo started >> started.txt; sleep 600'), say('Continued.'));
      const run = instruct(scripted);
      const following = run.start();
      await until(
        'the tool to run',
        async () => (await workspace.shell('pgrep -fx "sleep 600" | wc -l')).trim() === '1',
        TIMEOUT_MS,
      );
      return { run, scripted, following };
    };

    it(
      'fail the run when Claude Code is killed',
      async () => {
        const { run, following } = await working();
        await workspace.shell('kill -KILL $(pgrep -f ^/usr/local/lib/devforge/agent/[c]laude)');
        expect(await following).toMatchObject({
          outcome: { ...failed('cli_crashed'), signal: 'SIGKILL', sessionId: run.session },
        });
        expect(await workspace.shell('rm started.txt; pgrep -fx "sleep 600" || true')).toBe('');
      },
      TIMEOUT_MS,
    );

    it.each<[string, () => Promise<unknown>]>([
      ['a killed runner', () => workspace.shell('kill -KILL $(pgrep -f instruction/[m]ain.mjs)')],
      ['a killed container', () => workspace.restart()],
      ['a stopped container', () => workspace.stopAndStart()],
    ])(
      'let the run be resumed after %s',
      async (_, disrupt) => {
        const { run, scripted, following } = await working();
        const before = await run.events();
        await disrupt();
        expect(await following).toMatchObject({ outcome: null });
        const { state, events, outcome } = await run.resume();
        expect(state).toBe('started');
        expect(events.slice(0, before.length)).toEqual(before);
        expect(outcome).toMatchObject({
          status: 'succeeded',
          result: 'Continued.',
          resumes: 1,
          sessionId: run.session,
          events: events.length,
        });
        expect(scripted.turns.at(-1)!.prompt).toContain('Continue where you left off.');
        expect(await workspace.shell('cat started.txt; rm started.txt; pgrep -fx "sleep 600" || true')).toBe(
          'started\n',
        );
        expect(await run.diff()).toContain('+++ b/started.txt');
      },
      TIMEOUT_MS,
    );
  });
});
