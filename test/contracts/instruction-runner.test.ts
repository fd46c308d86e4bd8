import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/e2e/until.js';
import { isAlive, RunnerHarness } from '../support/instructions/runner-harness.js';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';

describe('the runner of an instruction', () => {
  let bench: RunnerHarness;
  beforeEach(async () => {
    bench = await RunnerHarness.create();
  });
  afterEach(() => bench.dispose());

  describe('a run', () => {
    it('keeps every line as it is and tells how it went', async () => {
      await expect(
        bench.start([
          [
            ['init'],
            ['print', 'no { JSON\n'],
            ['print', '\n'],
            ['say', 'grüße'],
            ['result', { result: 'All is done.' }],
          ],
        ]),
      ).resolves.toBe('started');
      const { events, outcome, exitCode } = await bench.follow();
      expect(exitCode).toBe(0);
      expect(events).toEqual([
        expect.stringContaining('"init"'),
        'no { JSON',
        expect.stringContaining('grüße'),
        expect.stringContaining('"result"'),
      ]);
      expect(await bench.events()).toEqual(events);
      expect(outcome).toEqual({
        status: 'succeeded',
        reason: null,
        sessionId: bench.session,
        result: 'All is done.',
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
      await expect(bench.start([[]])).resolves.toBe('ended');
      expect(await bench.calls()).toHaveLength(1);
    });

    it('gives the CLI its prompt by standard input, its environment, and nothing of the repository as configuration', async () => {
      await bench.outcome([[['init'], ['result']]]);
      const [call, ...more] = await bench.calls();
      expect(more).toEqual([]);
      expect(call).toMatchObject({
        cwd: bench.work,
        env: { id: bench.id, key: 'sk-test-secret' },
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
        `--session-id=${bench.session}`,
      ]);
    });

    it('leaves the secret in no file', async () => {
      await bench.outcome([[['init'], ['stderr', 'a warning\n'], ['result']]]);
      const files = await bench.grep('sk-test-secret');
      expect(files.filter((file) => !file.endsWith('calls.ndjson'))).toEqual([]);
    });

    it('passes on what bounds it', async () => {
      await bench.outcome([[['init'], ['result']]], {
        sessionId: UNKNOWN,
        model: 'opus',
        maxTurns: 3,
        maxBudgetUsd: 0.25,
      });
      expect((await bench.calls())[0]!.argv).toEqual(
        expect.arrayContaining([`--resume=${UNKNOWN}`, '--model=opus', '--max-turns=3', '--max-budget-usd=0.25']),
      );
    });

    it('goes on with the latest session when asked', async () => {
      await bench.outcome([[['init'], ['result']]], { continue: true });
      const { argv } = (await bench.calls())[0]!;
      expect(argv).toContain('--continue');
      expect(argv.join(' ')).not.toContain('--session-id');
    });

    it('hands over the plain text of CLAUDE.md, and follows no link', async () => {
      await writeFile(join(bench.work, 'CLAUDE.md'), 'Be brief. @/proc/self/environ');
      await bench.outcome([[['init'], ['result']]]);
      const file = (await bench.calls())[0]!.argv
        .find((word) => word.startsWith('--append-system-prompt-file='))!
        .split('=')[1]!;
      await expect(bench.read(file)).resolves.toBe('Be brief. @/proc/self/environ');
    });

    it('takes no CLAUDE.md that is a link', async () => {
      await bench.shell(`ln -s /proc/self/environ ${bench.work}/CLAUDE.md`);
      await bench.outcome([[['init'], ['result']]]);
      expect((await bench.calls())[0]!.argv.join(' ')).not.toContain('append-system-prompt');
    });

    it('counts the cost of its own turns, not that of the session it goes on with', async () => {
      const models = { opus: { costUSD: 0.1 }, haiku: { costUSD: 0.02 } };
      const { costUsd } = await bench.outcome(
        [[['init'], ['result', { total_cost_usd: 7, model_usage_since_last_result: models }]]],
        { sessionId: UNKNOWN },
      );
      expect(costUsd).toBeCloseTo(0.12);
    });

    it('replaces a line without end by an event that says so', async () => {
      await bench.start([[['init'], ['print', 'x'.repeat(17 * 1024 * 1024)], ['print', '\n'], ['result']]]);
      const { events, outcome } = await bench.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 3 });
      expect(JSON.parse(events[1]!)).toEqual({ type: 'devforge', subtype: 'line_too_long', bytes: 17 * 1024 * 1024 });
    });

    it('keeps the end of what the CLI says on its error output', async () => {
      await bench.outcome([[['init'], ['stderr', 'x'.repeat(100_000)], ['stderr', 'the end'], ['result']]]);
      const kept = await bench.read(bench.file('stderr.log'));
      expect(kept).toHaveLength(64 * 1024);
      expect(kept.endsWith('the end')).toBe(true);
    });
  });

  describe('starting', () => {
    it('makes one run of twenty starts at once', async () => {
      const script = [[['init'], ['wait', 300], ['result']]] as never;
      const states = await Promise.all(Array.from({ length: 20 }, () => bench.start(script)));
      expect(states.filter((state) => state === 'started')).toHaveLength(1);
      expect(states.filter((state) => !['started', 'running', 'ended'].includes(state))).toEqual([]);
      await bench.follow();
      expect(await bench.calls()).toHaveLength(1);
    }, 60_000);

    it.each([
      ['no prompt', { prompt: '' }],
      ['a relative folder', { cwd: 'work' }],
      ['an unknown mode', { permissionMode: 'plan' }],
      ['a model that is an option', { model: '--settings' }],
      ['a session that is no UUID', { sessionId: '--help' }],
      ['no turns', { maxTurns: 0 }],
    ])('refuses %s', async (_, wrong) => {
      const { exitCode, stdout, stderr } = await bench.run(
        'start',
        [],
        JSON.stringify({ ...bench.request([[]]), ...wrong }),
      );
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
      expect(stderr).toContain(Object.keys(wrong)[0]);
      expect((await bench.follow()).exitCode).toBe(3);
    });

    it('refuses what is no JSON, and an id that is a path', async () => {
      expect(await bench.run('start', [], '{')).toMatchObject({
        exitCode: 1,
        stderr: expect.stringContaining('not JSON'),
      });
      expect(await bench.run('diff', [], '', '../../etc')).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('UUID'),
      });
    });

    it('says when there is no Claude Code, or no working folder', async () => {
      bench.claude = '/nowhere/claude';
      expect(await bench.outcome([[]])).toMatchObject({ status: 'failed', reason: { code: 'no_claude_code' } });
      const other = await RunnerHarness.create();
      expect(await other.outcome([[]], { cwd: '/nowhere' })).toMatchObject({
        status: 'failed',
        reason: { code: 'cli_crashed', message: expect.stringContaining('working directory') },
      });
      await other.dispose();
    });
  });

  describe('starting and following at once', () => {
    it('shows events as they come, and the outcome', async () => {
      const { state, events, outcome, exitCode } = await bench.startAndFollow([
        [['init'], ['wait', 200], ['say', 'ä'], ['result']],
      ]);
      expect({ state, exitCode }).toEqual({ state: 'started', exitCode: 0 });
      expect(events).toEqual(await bench.events());
      expect(outcome).toMatchObject({ status: 'succeeded', events: 3 });
    });

    it('ends after the answer when it runs already, or is over', async () => {
      const script: [string, ...unknown[]][][] = [[['init'], ['hang']]];
      await bench.start(script);
      expect(await bench.startAndFollow(script)).toMatchObject({
        state: 'running',
        events: [],
        outcome: null,
        exitCode: 0,
      });
      await bench.stateOf('cancel');
      await bench.follow();
      expect(await bench.startAndFollow(script)).toMatchObject({
        state: 'ended',
        events: [],
        outcome: null,
        exitCode: 0,
      });
    });

    it('goes on when its caller is gone', async () => {
      const child = bench.spawn('start', 'follow');
      child.stdin!.end(
        JSON.stringify(bench.request([[['init'], ['many', 20_000], ['wait', 500], ['many', 20_000], ['result']]])),
      );
      await new Promise((done) => child.stdout!.once('data', done));
      child.stdout!.destroy();
      const { events, outcome } = await bench.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 40_002 });
      expect(events).toHaveLength(40_002);
    });

    it('is not held up by a caller that does not read', async () => {
      const child = bench.spawn('start', 'follow');
      child.stdin!.end(JSON.stringify(bench.request([[['init'], ['many', 20_000], ['result']]])));
      expect(await until('the run is over', async () => (await bench.follow()).outcome ?? undefined)).toMatchObject({
        status: 'succeeded',
      });
      await until('the runner does not wait for it', () => child.exitCode !== null);
    });
  });

  describe('following', () => {
    it('begins where it is told, at the start of any line', async () => {
      await bench.outcome([[['init'], ['say', 'ä'], ['say', 'b'], ['result']]]);
      const all = await bench.events();
      for (let from = 0, offset = 0; from <= all.length; from += 1) {
        const { events, outcome } = await bench.follow(offset);
        expect(events).toEqual(all.slice(from));
        expect(outcome).toMatchObject({ events: 4 });
        offset += Buffer.byteLength(`${all[from]}\n`);
      }
    });

    it('shows events as they come, to many at once', async () => {
      await bench.start([[['init'], ['wait', 500], ['say', 'late'], ['result']]]);
      const followers = Array.from({ length: 4 }, () => bench.follow());
      for (const { events, outcome } of await Promise.all(followers)) {
        expect(events).toHaveLength(3);
        expect(outcome!.status).toBe('succeeded');
      }
    });

    it('ends when its caller is gone', async () => {
      await bench.start([[['init'], ['hang']]]);
      await bench.waitForEvent('init');
      const byInput = bench.spawn('follow', '0');
      const byOutput = bench.spawn('follow', '0');
      const ended = Promise.all([byInput, byOutput].map((child) => new Promise((done) => child.once('exit', done))));
      await new Promise((done) => byOutput.stdout!.once('data', done));
      byInput.stdin!.end();
      byOutput.stdout!.destroy();
      byOutput.stdin!.destroy();
      await ended;
      await bench.stateOf('cancel');
    });

    it('knows no instruction that was never started', async () => {
      expect(await bench.follow()).toMatchObject({ exitCode: 3, outcome: null });
      expect(await bench.run('diff')).toMatchObject({ exitCode: 3 });
      expect(await bench.run('resume')).toMatchObject({
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
    ])('are answered: %j', async (answer, response) => {
      await bench.start(asking, { permissionMode: 'manual' });
      await bench.waitForEvent('can_use_tool');
      await expect(bench.stateOf('answer', ['r2'], answer)).resolves.toBe('unknown');
      await expect(bench.stateOf('answer', ['r1'], answer)).resolves.toBe('answered');
      await expect(bench.stateOf('answer', ['r1'], answer)).resolves.toMatch(/^(?:answered|ended)$/);
      const { outcome } = await bench.follow();
      expect(outcome).toMatchObject({ status: 'succeeded' });
      const notes = await bench.notes();
      expect(notes.filter(({ answered }) => answered)).toEqual([{ answered: response }]);
      expect((await bench.calls())[0]!.argv).toEqual(
        expect.arrayContaining(['--permission-mode=manual', '--permission-prompt-tool=stdio']),
      );
      await expect(bench.stateOf('answer', ['r1'], answer)).resolves.toBe('ended');
    });

    it('need a decision, and a run', async () => {
      expect(await bench.run('answer', ['r1'], '{"decision":"maybe"}')).toMatchObject({ exitCode: 2 });
      await expect(bench.stateOf('answer', ['r1'], { decision: 'allow' })).resolves.toBe('unknown');
    });
  });

  describe('removing', () => {
    it('waits for the end', async () => {
      await bench.start([[['init'], ['hang']]]);
      expect(await bench.run('remove')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('running') });
      await bench.stateOf('cancel');
      await bench.follow();
      await until('the runner is gone', async () => (await bench.run('remove')).exitCode === 0);
      expect((await bench.follow()).exitCode).toBe(3);
      expect(await bench.run('remove')).toMatchObject({ exitCode: 0 });
    });
  });

  it('reads a hundred thousand events without loss and with little memory', async () => {
    await bench.start([[['init'], ['many', 100_000], ['result'], ['wait', 300]]], { graceSeconds: 30 });
    const pid = await bench.runnerPid();
    let peak = 0;
    const watch = setInterval(async () => {
      const status = await bench.read(`/proc/${pid}/status`).catch(() => '');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
    }, 20);
    const { events, outcome } = await bench.follow();
    clearInterval(watch);
    expect(outcome).toMatchObject({ status: 'succeeded', events: 100_002 });
    expect(events).toHaveLength(100_002);
    for (let at = 1; at <= 100_000; at += 1)
      if (!events[at]!.includes(`"at":${at},`)) throw new Error(`event ${at} is ${events[at]}`);
    expect(peak).toBeGreaterThan(0);
    expect(peak).toBeLessThan(160 * 1024);
    await until('the runner is gone', () => !isAlive(pid));
  }, 60_000);
});
