import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../support/e2e/until.js';
import { isAlive, type Outcome, RunnerHarness, type Step } from '../support/instructions/runner-harness.js';

const CONTINUATION = 'Continue where you left off.';
const STUBBORN: Step = ['ignore', 'SIGINT', 'SIGTERM'];
/** Silence is a stall soon, but not before a machine under load has started the CLI. */
const SOON = { stallSeconds: 4, toolSeconds: 1 };

describe('what the runner does when a run goes wrong', () => {
  let bench: RunnerHarness;
  beforeEach(async () => {
    bench = await RunnerHarness.create();
  });
  afterEach(() => bench.dispose());

  const failed = (code: string, rest: object = {}) => ({
    status: 'failed',
    reason: { code, message: expect.any(String) },
    ...rest,
  });
  const ended = async (): Promise<Outcome> => (await bench.follow()).outcome!;
  const childPid = async (): Promise<number> =>
    until(
      'the CLI has a child',
      async () => (await bench.notes()).find(({ child }) => child)?.['child'] as number | undefined,
    );
  const kill = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await until('it is gone', () => !isAlive(pid));
  };

  describe('an end that is none', () => {
    it.each<[string, Step[], object]>([
      ['a crash', [['init'], ['stderr', 'out of luck\n'], ['exit', 7]], { exitCode: 7, signal: null }],
      ['a kill', [['init'], ['kill', 'SIGKILL']], { exitCode: null, signal: 'SIGKILL' }],
      ['an end without a result', [['init'], ['exit', 0]], { exitCode: 0, signal: null }],
      ['a SIGTERM from elsewhere', [['init'], ['kill', 'SIGTERM']], { exitCode: null, signal: 'SIGTERM' }],
    ])('is cli_crashed: %s', async (_, steps, rest) => {
      expect(await bench.outcome([steps])).toMatchObject(failed('cli_crashed', { ...rest, resumes: 0 }));
      expect(await bench.calls()).toHaveLength(1);
    });

    it('leaves nothing of what it was in', async () => {
      expect(await bench.outcome([[['init'], ['tool', 't'], ['child', true], ['exit', 7]]])).toMatchObject(
        failed('cli_crashed'),
      );
      expect(isAlive(await childPid())).toBe(false);
    });

    it('tells the last words', async () => {
      const { reason } = await bench.outcome([
        [
          ['stderr', 'one\nout of luck\n'],
          ['exit', 7],
        ],
      ]);
      expect(reason!.message).toBe('Claude Code ended with exit code 7 without a result: out of luck');
    });

    it('drops half a line, and keeps a whole one without its end', async () => {
      await bench.start([[['init'], ['print', '{"type":"assi'], ['exit', 1]]]);
      expect((await bench.follow()).events).toHaveLength(1);
      const other = await RunnerHarness.create();
      await other.start([[['init'], ['print', '{"type":"result","subtype":"success","result":"x"}'], ['exit', 0]]]);
      expect(await other.follow()).toMatchObject({
        events: [expect.anything(), expect.anything()],
        outcome: { status: 'succeeded', result: 'x' },
      });
      await other.dispose();
    });
  });

  describe('a result that is none', () => {
    it.each<[string, object]>([
      ['max_turns', { subtype: 'error_max_turns', is_error: true, errors: ['Reached maximum number of turns (2)'] }],
      ['budget_exceeded', { subtype: 'error_max_budget_usd', is_error: true }],
      ['auth_failed', { is_error: true, api_error_status: 401, terminal_reason: 'api_error' }],
      ['auth_failed', { is_error: true, api_error_status: null, result: 'Not logged in · Please run /login' }],
      ['rate_limited', { is_error: true, api_error_status: 429 }],
      ['overloaded', { is_error: true, api_error_status: 529 }],
      ['api_error', { is_error: true, api_error_status: 500 }],
      [
        'session_not_found',
        { subtype: 'error_during_execution', is_error: true, errors: ['No conversation found with session ID: x'] },
      ],
      ['cli_crashed', { subtype: 'error_during_execution', is_error: true, errors: ['TypeError'] }],
    ])('is %s: %j', async (code, fields) => {
      expect(await bench.outcome([[['init'], ['result', fields], ['exit', 1]]])).toMatchObject(
        failed(code, { exitCode: 1 }),
      );
    });

    it('does not wait for a credential to get better', async () => {
      const refusal: Step = ['retry', 'authentication_failed'];
      expect(await bench.outcome([[['init'], refusal, refusal, refusal, ['hang']]])).toMatchObject(
        failed('auth_failed'),
      );
    });

    it('waits for what passes', async () => {
      const pause: Step = ['retry', 'overloaded'];
      expect(
        await bench.outcome([[['init'], pause, pause, pause, pause, ['say', 'at last'], ['result']]]),
      ).toMatchObject({ status: 'succeeded' });
    });
  });

  describe('after the result', () => {
    it.each<[string, Step[]]>([
      ['that hangs', [['hang']]],
      ['that ignores signals', [STUBBORN, ['hang']]],
      ['that blocks', [['block']]],
    ])('gives the CLI its grace, and keeps the result of one %s', async (_, rest) => {
      const outcome = await bench.outcome([
        [['init'], ...rest.slice(0, -1), ['result', { result: 'kept' }], rest.at(-1)!],
      ]);
      expect(outcome).toMatchObject({ status: 'succeeded', result: 'kept', reason: null });
      await expect(bench.claudePids()).resolves.toEqual([]);
    });

    it('is not held up by a child that holds the output open', async () => {
      const began = Date.now();
      const outcome = await bench.outcome([[['init'], ['child', false], ['result'], ['exit', 0]]]);
      expect(outcome).toMatchObject({ status: 'succeeded' });
      expect(Date.now() - began).toBeLessThan(10_000);
      // What an agent has started on purpose, a server for example, lives on.
      expect(isAlive(await childPid())).toBe(true);
    });

    it('lets the CLI take another turn, whose result counts', async () => {
      const outcome = await bench.outcome([
        [
          ['init'],
          ['result', { result: 'first' }],
          ['say', 'a task in the background ended'],
          ['wait', 1_500],
          ['result', { result: 'second' }],
        ],
      ]);
      expect(outcome).toMatchObject({ status: 'succeeded', result: 'second', turns: 2, costUsd: 1 });
    });
  });

  describe('silence', () => {
    const silent: [string, Step[]][] = [
      ['before the first event', [['hang']]],
      ['amid the run', [['init'], ['say', 'a'], ['hang']]],
      ['with signals ignored', [['init'], STUBBORN, ['hang']]],
    ];
    it.each(silent)(
      '%s is stalled after one resume',
      async (_, steps) => {
        const outcome = await bench.outcome([steps], SOON);
        expect(outcome).toMatchObject(failed('stalled', { resumes: 1 }));
        expect(await bench.calls()).toHaveLength(2);
        await expect(bench.claudePids()).resolves.toEqual([]);
      },
      60_000,
    );

    it('is gone on from where the session has the prompt', async () => {
      const outcome = await bench.outcome(
        [
          [['init'], ['hang']],
          [['init'], ['say', 'on'], ['result']],
        ],
        SOON,
      );
      expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1, events: 4 });
      const [first, second] = await bench.calls();
      expect(second).toMatchObject({
        prompt: CONTINUATION,
        argv: expect.arrayContaining([`--resume=${bench.session}`]),
      });
      expect(first!.argv).toContain(`--session-id=${bench.session}`);
    }, 60_000);

    it('before the prompt was taken begins anew', async () => {
      const outcome = await bench.outcome([[['hang']], [['init'], ['result']]], SOON);
      expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1 });
      const [first, second] = await bench.calls();
      expect(second).toMatchObject({
        prompt: first!.prompt,
        argv: expect.arrayContaining([`--session-id=${bench.session}`]),
      });
    }, 60_000);

    it('of a tool is borne longer', async () => {
      const longer = { stallSeconds: 3, toolSeconds: 60 };
      const outcome = await bench.outcome(
        [[['init'], ['tool', 't'], ['wait', 6_000], ['toolResult', 't'], ['result']]],
        longer,
      );
      expect(outcome).toMatchObject({ status: 'succeeded', resumes: 0 });
      const other = await RunnerHarness.create();
      expect(
        await other.outcome([[['init'], ['tool', 't'], ['toolResult', 't'], ['wait', 6_000], ['result']]], {
          ...longer,
          resumes: 0,
        }),
      ).toMatchObject(failed('stalled', { resumes: 0 }));
      await other.dispose();
    }, 60_000);

    it('of a waiting permission is borne until the time is up', async () => {
      const outcome = await bench.outcome([[['init'], ['ask', 'r', {}], ['result']]], {
        permissionMode: 'manual',
        stallSeconds: 4,
        timeoutSeconds: 12,
      });
      expect(outcome).toMatchObject({ status: 'timed_out', reason: { code: 'timed_out' } });
    }, 60_000);
  });

  it('ends a run whose time is up, however busy it is, and does not resume it', async () => {
    const busy = Array.from({ length: 400 }, (): Step[] => [
      ['say', 'x'],
      ['wait', 50],
    ]).flat();
    const outcome = await bench.outcome([[['init'], STUBBORN, ...busy]], { timeoutSeconds: 3 });
    expect(outcome).toMatchObject({ status: 'timed_out', reason: { code: 'timed_out' }, resumes: 0 });
    expect(await bench.calls()).toHaveLength(1);
  });

  describe('cancelling', () => {
    it.each<[string, Step[], string]>([
      ['before the first event', [['write', 'begun', ''], ['hang']], ''],
      ['amid the run', [['init'], ['say', 'a'], ['hang']], 'assistant'],
      ['in a tool', [['init'], ['tool', 't'], ['child', true], ['hang']], 'tool_use'],
      ['while a permission is asked for', [['init'], ['ask', 'r', {}], ['hang']], 'can_use_tool'],
      ['of one that ignores signals', [['init'], STUBBORN, ['child', true], ['say', 'a'], ['hang']], 'assistant'],
      ['of one that blocks', [['init'], ['block']], 'init'],
    ])(
      '%s ends it with all it has started',
      async (_, steps, phase) => {
        await bench.start([steps]);
        if (phase) await bench.waitForEvent(phase);
        else await until('it has begun', async () => (await bench.calls()).length === 1);
        const pids = steps.some(([name]) => name === 'child') ? [await childPid()] : [];
        await expect(bench.stateOf('cancel')).resolves.toBe('cancelling');
        await expect(bench.stateOf('cancel')).resolves.toMatch(/^(?:cancelling|ended)$/);
        expect(await ended()).toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' }, resumes: 0 });
        await expect(bench.stateOf('cancel')).resolves.toBe('ended');
        expect(pids.filter(isAlive)).toEqual([]);
        await expect(bench.claudePids()).resolves.toEqual([]);
      },
      60_000,
    );

    it('asks first, then tells, then kills', async () => {
      await bench.start([[['init'], STUBBORN, ['say', 'ready'], ['hang']]], { stopSeconds: 1 });
      await bench.waitForEvent('ready');
      const began = Date.now();
      await bench.stateOf('cancel');
      expect(await ended()).toMatchObject({ status: 'cancelled', signal: 'SIGKILL' });
      expect(Date.now() - began).toBeGreaterThanOrEqual(2_000);
      expect((await bench.notes()).filter(({ signal }) => signal)).toEqual([
        { signal: 'SIGINT' },
        { signal: 'SIGTERM' },
      ]);
    });

    it('after the result leaves the result', async () => {
      await bench.start([[['init'], ['result'], ['hang']]], { graceSeconds: 30 });
      await bench.waitForEvent('"result"');
      await expect(bench.stateOf('cancel')).resolves.toBe('ended');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
    });

    it('comes before another attempt', async () => {
      await bench.start([[['init'], STUBBORN, ['hang']]], { stallSeconds: 4, stopSeconds: 3 });
      await until(
        'the stall is noticed',
        async () => (await bench.notes()).some(({ signal }) => signal === 'SIGINT'),
        60_000,
      );
      await expect(bench.stateOf('cancel')).resolves.toBe('cancelling');
      expect(await ended()).toMatchObject({ status: 'cancelled', resumes: 0 });
      expect(await bench.calls()).toHaveLength(1);
    }, 60_000);

    it('of one that was never started keeps it from starting', async () => {
      await expect(bench.stateOf('cancel')).resolves.toBe('cancelled');
      await expect(bench.start([[['init']]])).resolves.toBe('ended');
      expect(await bench.calls()).toEqual([]);
      expect(await ended()).toMatchObject({ status: 'cancelled', events: 0, sessionId: null });
      await expect(bench.stateOf('cancel')).resolves.toBe('ended');
    });

    it('of one that was cut off ends what is left of it', async () => {
      await bench.start([[['init'], ['child', true], ['hang']]]);
      const child = await childPid();
      await kill(await bench.runnerPid());
      await expect(bench.stateOf('cancel')).resolves.toBe('cancelled');
      expect(await ended()).toMatchObject({ status: 'cancelled', sessionId: bench.session, events: 1 });
      expect(isAlive(child)).toBe(false);
    });

    it('at the moment of the start gives one answer', async () => {
      const steps: Step[][] = [[['init'], ['hang']]];
      await Promise.all([bench.start(steps), bench.stateOf('cancel')]);
      expect(await ended()).toMatchObject({ status: 'cancelled' });
      expect((await bench.calls()).length).toBeLessThanOrEqual(1);
    });
  });

  describe('cut off', () => {
    const cutOff = async (steps: Step[][], extra?: object, phase = 'say'): Promise<void> => {
      await bench.start(steps, extra);
      await bench.waitForEvent(phase);
      await kill(await bench.runnerPid());
    };
    const first: Step[] = [['init'], ['say', 'say'], ['hang']];

    it('says so, and is gone on with once, event after event', async () => {
      await cutOff([first, [['init'], ['say', 'on'], ['result']]]);
      expect(await bench.follow()).toMatchObject({
        exitCode: 0,
        interrupted: true,
        events: [expect.anything(), expect.anything()],
      });
      await expect(bench.start([first])).resolves.toBe('interrupted');
      const before = await bench.events();
      const states = await Promise.all([bench.stateOf('resume'), bench.stateOf('resume'), bench.stateOf('resume')]);
      expect(states.filter((state) => state === 'started')).toHaveLength(1);
      const { events, outcome } = await bench.follow();
      expect(events.slice(0, 2)).toEqual(before);
      expect(outcome).toMatchObject({ status: 'succeeded', events: 5, resumes: 1, sessionId: bench.session });
      const calls = await bench.calls();
      expect(calls).toHaveLength(2);
      expect(calls[1]).toMatchObject({ prompt: CONTINUATION });
      await expect(bench.stateOf('resume')).resolves.toBe('ended');
    });

    it('is gone on with and followed by one command, from where the caller is', async () => {
      await cutOff([first, [['init'], ['result']]]);
      const known = await bench.events();
      const offset = Buffer.byteLength(`${known.join('\n')}\n`);
      const { state, events, outcome } = await bench.resumeAndFollow(offset);
      expect(state).toBe('started');
      expect(outcome).toMatchObject({ status: 'succeeded', events: 4 });
      expect([...known, ...events]).toEqual(await bench.events());
    });

    it('leaves no earlier CLI beside the next', async () => {
      await cutOff([
        [['init'], STUBBORN, ['child', true], ['say', 'say'], ['block']],
        [['init'], ['result']],
      ]);
      const old = [...(await bench.claudePids()), await childPid()];
      expect(old.length).toBeGreaterThan(1);
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
      expect(old.filter(isAlive)).toEqual([]);
    });

    it('is given up when it may not be resumed once more', async () => {
      await cutOff([first, first]);
      await bench.stateOf('resume');
      await until('it goes on', async () => (await bench.events()).length === 4);
      await kill(await bench.runnerPid());
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject(failed('interrupted', { resumes: 1, events: 4 }));
      expect(await bench.calls()).toHaveLength(2);
    });

    it('after the result needs no other run', async () => {
      await cutOff([[['init'], ['result', { result: 'kept' }], ['hang']]], { graceSeconds: 30 }, '"result"');
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded', result: 'kept', resumes: 0, costUsd: 0.5 });
      expect(await bench.calls()).toHaveLength(1);
    });

    it('amid a line goes on after the last whole one', async () => {
      await cutOff([first, [['init'], ['result']]]);
      await writeFile(bench.file('events.ndjson'), '{"type":"ass', { flag: 'a' });
      expect((await bench.follow()).events).toHaveLength(2);
      await bench.stateOf('resume');
      const { events, outcome } = await bench.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 4 });
      expect(events.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
        'system',
        'assistant',
        'system',
        'result',
      ]);
    });

    it('while being cancelled is not resumed', async () => {
      await bench.start([[['init'], STUBBORN, ['say', 'say'], ['hang']]], { stopSeconds: 30 });
      await bench.waitForEvent('say');
      await bench.stateOf('cancel');
      await kill(await bench.runnerPid());
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'cancelled' });
      expect(await bench.calls()).toHaveLength(1);
    });

    it.each<[string, Step[]]>([
      ['a CLI that ends by the signal', []],
      ['a CLI that ends in its own way', [['leaveOn', 'SIGTERM', 1]]],
    ])('by the end of its container is no failure: %s', async (_, steps) => {
      await bench.start([
        [['init'], ...steps, ['say', 'say'], ['hang']],
        [['init'], ['result']],
      ]);
      await bench.waitForEvent('say');
      const pids = [...(await bench.claudePids()), await bench.runnerPid()];
      for (const pid of pids.toReversed()) process.kill(pid, 'SIGTERM');
      await until('all is gone', () => !pids.some(isAlive));
      expect(await bench.follow()).toMatchObject({ interrupted: true, outcome: null });
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded', resumes: 1 });
    });

    it('counts only the time in which it ran', async () => {
      await cutOff([first, [['init'], ['wait', 500], ['result']]], { timeoutSeconds: 8 });
      const run = JSON.parse(await readFile(bench.file('run.json'), 'utf8')) as { attemptAt: number };
      await sleep(Math.max(0, run.attemptAt + 9_000 - Date.now()));
      await bench.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
    }, 60_000);
  });
});
