import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { pastGreeting } from '../support/workspace-program.js';
import { until } from '../support/e2e/until.js';
import { isAlive, RunnerHarness } from '../support/instructions/runner-harness.js';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('devforge-instruction', () => {
  let harness: RunnerHarness;
  beforeEach(async () => {
    harness = await RunnerHarness.create();
  });
  afterEach(() => harness.dispose());

  describe('a run', () => {
    it('keeps every line of output unchanged and reports the outcome', async () => {
      await expect(
        harness.start([
          [['init'], ['print', 'no { JSON\n'], ['print', '\n'], ['say', 'grüße'], ['result', { result: 'Completed.' }]],
        ]),
      ).resolves.toBe('started');
      const { events, outcome, exitCode } = await harness.follow();
      expect(exitCode).toBe(0);
      expect(events).toEqual([
        expect.stringContaining('"init"'),
        'no { JSON',
        expect.stringContaining('grüße'),
        expect.stringContaining('"result"'),
      ]);
      expect(await harness.events()).toEqual(events);
      expect(outcome).toEqual({
        status: 'succeeded',
        reason: null,
        sessionId: harness.session,
        result: 'Completed.',
        costUsd: 0.5,
        turns: 1,
        usage: { input_tokens: 2, output_tokens: 3, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
        startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        finishedAt: expect.stringMatching(/^\d{4}-.*Z$/),
        events: 4,
        resumes: 0,
        exitCode: 0,
        signal: null,
        treeBefore: null,
        treeAfter: null,
        diffBytes: 0,
        diffTruncated: false,
      });
      await expect(harness.start([[]])).resolves.toBe('ended');
      expect(await harness.calls()).toHaveLength(1);
    });

    it('passes the prompt by standard input, the environment, and no configuration from the repository', async () => {
      await harness.outcome([[['init'], ['result']]]);
      const [call, ...more] = await harness.calls();
      expect(more).toEqual([]);
      expect(call).toMatchObject({
        cwd: harness.work,
        env: { id: harness.id, key: 'sk-test-secret' },
        umask: process.umask(),
      });
      expect(call!.argv).toEqual([
        '-p',
        '--input-format=stream-json',
        '--output-format=stream-json',
        '--verbose',
        '--setting-sources=user',
        '--strict-mcp-config',
        '--permission-mode=bypassPermissions',
        `--session-id=${harness.session}`,
      ]);
    });

    it('writes the API key to no file', async () => {
      await harness.outcome([[['init'], ['stderr', 'a warning\n'], ['result']]]);
      const files = await harness.grep('sk-test-secret');
      expect(files.filter((file) => !file.endsWith('calls.ndjson'))).toEqual([]);
    });

    it('passes on session, model and limits', async () => {
      await harness.outcome([[['init'], ['result']]], {
        sessionId: UNKNOWN,
        model: 'opus',
        maxTurns: 3,
        maxBudgetUsd: 0.25,
      });
      expect((await harness.calls())[0]!.argv).toEqual(
        expect.arrayContaining([`--resume=${UNKNOWN}`, '--model=opus', '--max-turns=3', '--max-budget-usd=0.25']),
      );
    });

    it('continues the latest session on request', async () => {
      await harness.outcome([[['init'], ['result']]], { continue: true });
      const { argv } = (await harness.calls())[0]!;
      expect(argv).toContain('--continue');
      expect(argv.join(' ')).not.toContain('--session-id');
    });

    it('passes the text of CLAUDE.md without following its imports', async () => {
      await writeFile(join(harness.work, 'CLAUDE.md'), 'Be brief. @/proc/self/environ');
      await harness.outcome([[['init'], ['result']]]);
      const file = (await harness.calls())[0]!.argv
        .find((word) => word.startsWith('--append-system-prompt-file='))!
        .split('=')[1]!;
      await expect(harness.read(file)).resolves.toBe('Be brief. @/proc/self/environ');
    });

    it('ignores a CLAUDE.md that is a symbolic link', async () => {
      await harness.shell(`ln -s /proc/self/environ ${harness.work}/CLAUDE.md`);
      await harness.outcome([[['init'], ['result']]]);
      expect((await harness.calls())[0]!.argv.join(' ')).not.toContain('append-system-prompt');
    });

    it('counts the cost of its own turns, not of the continued session', async () => {
      const models = { opus: { costUSD: 0.1 }, haiku: { costUSD: 0.02 } };
      const { costUsd } = await harness.outcome(
        [[['init'], ['result', { total_cost_usd: 7, model_usage_since_last_result: models }]]],
        { sessionId: UNKNOWN },
      );
      expect(costUsd).toBeCloseTo(0.12);
    });

    it('replaces a line over 16 MiB by a line_too_long event', async () => {
      await harness.start([[['init'], ['print', 'x'.repeat(17 * 1024 * 1024)], ['print', '\n'], ['result']]]);
      const { events, outcome } = await harness.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 3 });
      expect(JSON.parse(events[1]!)).toEqual({ type: 'devforge', subtype: 'line_too_long', bytes: 17 * 1024 * 1024 });
    });

    it('keeps the last 64 KiB of standard error', async () => {
      await harness.outcome([[['init'], ['stderr', 'x'.repeat(100_000)], ['stderr', 'the end'], ['result']]]);
      const kept = await harness.read(harness.file('stderr.log'));
      expect(kept).toHaveLength(64 * 1024);
      expect(kept.endsWith('the end')).toBe(true);
    });
  });

  describe('starting', () => {
    it('starts one run for twenty concurrent starts', async () => {
      const script = [[['init'], ['wait', 300], ['result']]] as never;
      const states = await Promise.all(Array.from({ length: 20 }, () => harness.start(script)));
      expect(states.filter((state) => state === 'started')).toHaveLength(1);
      expect(states.filter((state) => !['started', 'running', 'ended'].includes(state))).toEqual([]);
      await harness.follow();
      expect(await harness.calls()).toHaveLength(1);
    }, 60_000);

    it.each([
      ['an empty prompt', { prompt: '' }],
      ['a relative working directory', { cwd: 'work' }],
      ['an unknown permission mode', { permissionMode: 'plan' }],
      ['a model that is an option', { model: '--settings' }],
      ['a session id that is not a UUID', { sessionId: '--help' }],
      ['a limit of zero turns', { maxTurns: 0 }],
    ])('refuses %s', async (_, wrong) => {
      const { exitCode, stdout, stderr } = await harness.run(
        'start',
        [],
        JSON.stringify({ ...harness.request([[]]), ...wrong }),
      );
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toContain(Object.keys(wrong)[0]);
      expect((await harness.follow()).exitCode).toBe(3);
    });

    it('refuses a request that is not JSON and an id that is not a UUID', async () => {
      expect(await harness.run('start', [], '{')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('not JSON'),
      });
      expect(await harness.run('diff', [], '', '../../etc')).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('UUID'),
      });
    });

    it('fails when Claude Code or the working directory is missing', async () => {
      harness.claude = '/nowhere/claude';
      expect(await harness.outcome([[]])).toMatchObject({ status: 'failed', reason: { code: 'no_claude_code' } });
      const other = await RunnerHarness.create();
      expect(await other.outcome([[]], { cwd: '/nowhere' })).toMatchObject({
        status: 'failed',
        reason: { code: 'cli_crashed', message: expect.stringContaining('working directory') },
      });
      await other.dispose();
    });
  });

  describe('start with follow', () => {
    it('prints events as they occur, and the outcome', async () => {
      const { state, events, outcome, exitCode } = await harness.startAndFollow([
        [['init'], ['wait', 200], ['say', 'ä'], ['result']],
      ]);
      expect({ state, exitCode }).toEqual({ state: 'started', exitCode: 0 });
      expect(events).toEqual(await harness.events());
      expect(outcome).toMatchObject({ status: 'succeeded', events: 3 });
    });

    it('prints the state only for a run that is running or has ended', async () => {
      const script: [string, ...unknown[]][][] = [[['init'], ['hang']]];
      await harness.start(script);
      expect(await harness.startAndFollow(script)).toMatchObject({
        state: 'running',
        events: [],
        outcome: null,
        exitCode: 0,
      });
      await harness.stateOf('cancel');
      await harness.follow();
      expect(await harness.startAndFollow(script)).toMatchObject({
        state: 'ended',
        events: [],
        outcome: null,
        exitCode: 0,
      });
    });

    it('lets the run continue when its caller disconnects', async () => {
      const child = harness.spawn('start', 'follow');
      child.stdin!.end(
        JSON.stringify(harness.request([[['init'], ['many', 20_000], ['wait', 500], ['many', 20_000], ['result']]])),
      );
      await pastGreeting(child.stdout!);
      child.stdout!.destroy();
      const { events, outcome } = await harness.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 40_002 });
      expect(events).toHaveLength(40_002);
    });

    it('lets the run finish when its caller does not read', async () => {
      const child = harness.spawn('start', 'follow');
      child.stdin!.end(JSON.stringify(harness.request([[['init'], ['many', 20_000], ['result']]])));
      expect(await until('the outcome', async () => (await harness.follow()).outcome ?? undefined)).toMatchObject({
        status: 'succeeded',
      });
      await until('the runner to exit', () => child.exitCode !== null);
    });
  });

  describe('following', () => {
    it('starts at the given offset, for every line', async () => {
      await harness.outcome([[['init'], ['say', 'ä'], ['say', 'b'], ['result']]]);
      const all = await harness.events();
      for (let from = 0, offset = 0; from <= all.length; from += 1) {
        const { events, outcome } = await harness.follow(offset);
        expect(events).toEqual(all.slice(from));
        expect(outcome).toMatchObject({ events: 4 });
        offset += Buffer.byteLength(`${all[from]}\n`);
      }
    });

    it('prints events as they occur to several followers', async () => {
      await harness.start([[['init'], ['wait', 500], ['say', 'late'], ['result']]]);
      const followers = Array.from({ length: 4 }, () => harness.follow());
      for (const { events, outcome } of await Promise.all(followers)) {
        expect(events).toHaveLength(3);
        expect(outcome!.status).toBe('succeeded');
      }
    });

    it('ends when its caller disconnects', async () => {
      await harness.start([[['init'], ['hang']]]);
      await harness.waitForEvent('init');
      const byInput = harness.spawn('follow', '0');
      const byOutput = harness.spawn('follow', '0');
      const ended = Promise.all([byInput, byOutput].map((child) => new Promise((done) => child.once('exit', done))));
      await pastGreeting(byOutput.stdout!);
      byInput.stdin!.end();
      byOutput.stdout!.destroy();
      byOutput.stdin!.destroy();
      await ended;
      await harness.stateOf('cancel');
    });

    it('exits with 3 for an instruction that was never started', async () => {
      expect(await harness.follow()).toMatchObject({ exitCode: 3, outcome: null });
      expect(await harness.run('diff')).toMatchObject({ exitCode: 3 });
      expect(await harness.run('resume')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('no instruction'),
      });
    });
  });

  describe('permissions', () => {
    const asking = [
      [['init'], ['tool', 't1'], ['ask', 'r1', { command: 'ls' }], ['toolResult', 't1'], ['result']],
    ] as never;

    it.each([
      [{ decision: 'allow' }, { behavior: 'allow', updatedInput: { command: 'ls' } }],
      [{ decision: 'deny' }, { behavior: 'deny', message: 'The user denied this.' }],
      [
        { decision: 'deny', message: 'Not today' },
        { behavior: 'deny', message: 'Not today' },
      ],
    ])('are answered with %j', async (answer, response) => {
      await harness.start(asking, { permissionMode: 'manual' });
      await harness.waitForEvent('can_use_tool');
      await expect(harness.stateOf('answer', ['r2'], answer)).resolves.toBe('unknown');
      await expect(harness.stateOf('answer', ['r1'], answer)).resolves.toBe('answered');
      await expect(harness.stateOf('answer', ['r1'], answer)).resolves.toMatch(/^(?:answered|ended)$/);
      const { outcome } = await harness.follow();
      expect(outcome).toMatchObject({ status: 'succeeded' });
      const notes = await harness.notes();
      expect(notes.filter(({ answered }) => answered)).toEqual([{ answered: response }]);
      expect((await harness.calls())[0]!.argv).toEqual(
        expect.arrayContaining(['--permission-mode=manual', '--permission-prompt-tool=stdio']),
      );
      await expect(harness.stateOf('answer', ['r1'], answer)).resolves.toBe('ended');
    });

    it('need a valid decision and a known run', async () => {
      expect(await harness.run('answer', ['r1'], '{"decision":"maybe"}')).toMatchObject({ exitCode: 2 });
      await expect(harness.stateOf('answer', ['r1'], { decision: 'allow' })).resolves.toBe('unknown');
    });
  });

  describe('removing', () => {
    it('is refused until the run has ended', async () => {
      await harness.start([[['init'], ['hang']]]);
      expect(await harness.run('remove')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('running') });
      await harness.stateOf('cancel');
      await harness.follow();
      await until('the runner to exit', async () => (await harness.run('remove')).exitCode === 0);
      expect((await harness.follow()).exitCode).toBe(3);
      expect(await harness.run('remove')).toMatchObject({ exitCode: 0 });
    });
  });

  it('relays 100,000 events without loss in less than 160 MiB of memory', async () => {
    await harness.start([[['init'], ['many', 100_000], ['result'], ['wait', 300]]], { graceSeconds: 30 });
    const pid = await harness.runnerPid();
    let peak = 0;
    const watch = setInterval(async () => {
      const status = await harness.read(`/proc/${pid}/status`).catch(() => '');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
    }, 20);
    const { events, outcome } = await harness.follow();
    clearInterval(watch);
    expect(outcome).toMatchObject({ status: 'succeeded', events: 100_002 });
    expect(events).toHaveLength(100_002);
    for (let at = 1; at <= 100_000; at += 1)
      if (!events[at]!.includes(`"at":${at},`)) throw new Error(`event ${at} is ${events[at]}`);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(160 * 1024);
    await until('the runner to exit', () => !isAlive(pid));
  }, 60_000);
});
