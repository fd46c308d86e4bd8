import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failed } from '../support/instructions/failed-outcome.js';
import { until } from '../support/e2e/until.js';
import {
  CONTINUATION,
  isAlive,
  type Outcome,
  RunnerHarness,
  type Step,
  STUBBORN,
} from '../support/instructions/runner-harness.js';

describe('the supervision by devforge-instruction', () => {
  let harness: RunnerHarness;
  beforeEach(async () => {
    harness = await RunnerHarness.create();
  });
  afterEach(() => harness.dispose());

  const ended = async (): Promise<Outcome> => (await harness.follow()).outcome!;
  const childPid = async (): Promise<number> =>
    until(
      'a child of Claude Code',
      async () => (await harness.notes()).find(({ child }) => child)?.['child'] as number | undefined,
    );
  /** Does nothing when the process is gone already. */
  const terminate = (pid: number): void => {
    try {
      process.kill(pid, 'SIGTERM');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  const kill = async (pid: number): Promise<void> => {
    process.kill(pid, 'SIGKILL');
    await until('the process to end', () => !isAlive(pid));
  };

  describe('of a run without a result', () => {
    it.each<[string, Step[], object]>([
      ['a crash', [['init'], ['stderr', 'out of luck\n'], ['exit', 7]], { exitCode: 7, signal: null }],
      ['a kill', [['init'], ['kill', 'SIGKILL']], { exitCode: null, signal: 'SIGKILL' }],
      ['an exit with code 0', [['init'], ['exit', 0]], { exitCode: 0, signal: null }],
      ['a SIGTERM from another process', [['init'], ['kill', 'SIGTERM']], { exitCode: null, signal: 'SIGTERM' }],
    ])('fails a run without a result with cli_crashed after %s', async (_, steps, rest) => {
      expect(await harness.outcome([steps])).toMatchObject(failed('cli_crashed', { ...rest, resumes: 0 }));
      expect(await harness.calls()).toHaveLength(1);
    });

    it('kills the processes of a run that crashed', async () => {
      expect(await harness.outcome([[['init'], ['tool', 't'], ['child', true], ['exit', 7]]])).toMatchObject(
        failed('cli_crashed'),
      );
      expect(isAlive(await childPid())).toBe(false);
    });

    it('reports the last line of standard error of a run that crashed', async () => {
      const { reason } = await harness.outcome([
        [
          ['stderr', 'one\nout of luck\n'],
          ['exit', 7],
        ],
      ]);
      expect(reason!.message).toBe('Claude Code ended with exit code 7 without a result: out of luck');
    });

    it('keeps a last line without line break only when it is valid JSON', async () => {
      await harness.start([[['init'], ['print', '{"type":"assi'], ['exit', 1]]]);
      expect((await harness.follow()).events).toHaveLength(1);
      const other = await RunnerHarness.create();
      await other.start([[['init'], ['print', '{"type":"result","subtype":"success","result":"x"}'], ['exit', 0]]]);
      expect(await other.follow()).toMatchObject({
        events: [expect.anything(), expect.anything()],
        outcome: { status: 'succeeded', result: 'x' },
      });
      await other.dispose();
    });
  });

  describe('of a run with an error result', () => {
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
    ])('fails a run with %s for the error result %j', async (code, fields) => {
      expect(await harness.outcome([[['init'], ['result', fields], ['exit', 1]]])).toMatchObject(
        failed(code, { exitCode: 1 }),
      );
    });

    it('fails a run early when its credential is refused', async () => {
      const refusal: Step = ['retry', 'authentication_failed'];
      expect(await harness.outcome([[['init'], refusal, refusal, refusal, ['hang']]])).toMatchObject(
        failed('auth_failed'),
      );
    });

    it('waits while Claude Code retries transient errors of the API', async () => {
      const pause: Step = ['retry', 'overloaded'];
      expect(
        await harness.outcome([[['init'], pause, pause, pause, pause, ['say', 'at last'], ['result']]]),
      ).toMatchObject({ status: 'succeeded' });
    });
  });

  describe('of a run after its result', () => {
    it.each<[string, Step[]]>([
      ['hangs', [['hang']]],
      ['ignores signals', [STUBBORN, ['hang']]],
      ['blocks its event loop', [['block']]],
    ])('keeps the result when Claude Code %s afterwards', async (_, rest) => {
      const outcome = await harness.outcome([
        [['init'], ...rest.slice(0, -1), ['result', { result: 'kept' }], rest.at(-1)!],
      ]);
      expect(outcome).toMatchObject({ status: 'succeeded', result: 'kept', reason: null });
      await expect(harness.claudePids()).resolves.toEqual([]);
    });

    it('does not wait for a child that keeps the output open', async () => {
      const began = Date.now();
      const outcome = await harness.outcome([[['init'], ['child', false], ['result'], ['exit', 0]]]);
      expect(outcome).toMatchObject({ status: 'succeeded' });
      expect(Date.now() - began).toBeLessThan(10_000);
      // Processes that an agent started on purpose, such as a server, continue.
      expect(isAlive(await childPid())).toBe(true);
    });

    it('takes the result of a further turn', async () => {
      const outcome = await harness.outcome([
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

  it('ends a run at its timeout without resuming it', async () => {
    const busy = Array.from({ length: 400 }, (): Step[] => [
      ['say', 'x'],
      ['wait', 50],
    ]).flat();
    const outcome = await harness.outcome([[['init'], STUBBORN, ...busy]], { timeoutSeconds: 3 });
    expect(outcome).toMatchObject({ status: 'timed_out', reason: { code: 'timed_out' }, resumes: 0 });
    expect(await harness.calls()).toHaveLength(1);
  });

  describe('of a run that is cancelled', () => {
    it.each<[string, Step[], string]>([
      ['before the first event', [['write', 'begun', ''], ['hang']], ''],
      ['during the run', [['init'], ['say', 'a'], ['hang']], 'assistant'],
      ['during a tool call', [['init'], ['tool', 't'], ['child', true], ['hang']], 'tool_use'],
      ['during a permission request', [['init'], ['ask', 'r', {}], ['hang']], 'can_use_tool'],
      ['when it ignores signals', [['init'], STUBBORN, ['child', true], ['say', 'a'], ['hang']], 'assistant'],
      ['when it blocks its event loop', [['init'], ['block']], 'init'],
    ])(
      'ends the run and its processes %s',
      async (_, steps, phase) => {
        await harness.start([steps]);
        if (phase) await harness.waitForEvent(phase);
        else await until('Claude Code to start', async () => (await harness.calls()).length === 1);
        const pids = steps.some(([name]) => name === 'child') ? [await childPid()] : [];
        await expect(harness.stateOf('cancel')).resolves.toBe('cancelling');
        await expect(harness.stateOf('cancel')).resolves.toMatch(/^(?:cancelling|ended)$/);
        expect(await ended()).toMatchObject({ status: 'cancelled', reason: { code: 'cancelled' }, resumes: 0 });
        await expect(harness.stateOf('cancel')).resolves.toBe('ended');
        expect(pids.filter(isAlive)).toEqual([]);
        await expect(harness.claudePids()).resolves.toEqual([]);
      },
      60_000,
    );

    it('sends SIGINT, then SIGTERM, then SIGKILL', async () => {
      await harness.start([[['init'], STUBBORN, ['say', 'ready'], ['hang']]], { stopSeconds: 1 });
      await harness.waitForEvent('ready');
      const began = Date.now();
      await harness.stateOf('cancel');
      expect(await ended()).toMatchObject({ status: 'cancelled', signal: 'SIGKILL' });
      expect(Date.now() - began).toBeGreaterThanOrEqual(2_000);
      expect((await harness.notes()).filter(({ signal }) => signal)).toEqual([
        { signal: 'SIGINT' },
        { signal: 'SIGTERM' },
      ]);
    });

    it('keeps a result that was printed before the cancellation', async () => {
      await harness.start([[['init'], ['result'], ['hang']]], { graceSeconds: 30 });
      await harness.waitForEvent('"result"');
      await expect(harness.stateOf('cancel')).resolves.toBe('ended');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
    });

    it('cancels a stalled run before it is resumed', async () => {
      await harness.start([[['init'], STUBBORN, ['hang']]], { stallSeconds: 4, stopSeconds: 3 });
      await until(
        'the stall to be detected',
        async () => (await harness.notes()).some(({ signal }) => signal === 'SIGINT'),
        60_000,
      );
      await expect(harness.stateOf('cancel')).resolves.toBe('cancelling');
      expect(await ended()).toMatchObject({ status: 'cancelled', resumes: 0 });
      expect(await harness.calls()).toHaveLength(1);
    }, 60_000);

    it('prevents the start of an instruction that was cancelled before', async () => {
      await expect(harness.stateOf('cancel')).resolves.toBe('cancelled');
      await expect(harness.start([[['init']]])).resolves.toBe('ended');
      expect(await harness.calls()).toEqual([]);
      expect(await ended()).toMatchObject({ status: 'cancelled', events: 0, sessionId: null });
      await expect(harness.stateOf('cancel')).resolves.toBe('ended');
    });

    it('kills the processes of a run whose runner was killed', async () => {
      await harness.start([[['init'], ['child', true], ['hang']]]);
      const child = await childPid();
      await kill(await harness.runnerPid());
      await expect(harness.stateOf('cancel')).resolves.toBe('cancelled');
      expect(await ended()).toMatchObject({ status: 'cancelled', sessionId: harness.session, events: 1 });
      expect(isAlive(child)).toBe(false);
    });

    it('cancels a run that starts at the same moment', async () => {
      const steps: Step[][] = [[['init'], ['hang']]];
      await Promise.all([harness.start(steps), harness.stateOf('cancel')]);
      expect(await ended()).toMatchObject({ status: 'cancelled' });
      expect((await harness.calls()).length).toBeLessThanOrEqual(1);
    });
  });

  describe('of a run whose runner was killed', () => {
    const killRunner = async (steps: Step[][], extra?: object, phase = 'say'): Promise<void> => {
      await harness.start(steps, extra);
      await harness.waitForEvent(phase);
      await kill(await harness.runnerPid());
    };
    const first: Step[] = [['init'], ['say', 'say'], ['hang']];

    it('resumes an interrupted run once, appending to its events', async () => {
      await killRunner([first, [['init'], ['say', 'on'], ['result']]]);
      expect(await harness.follow()).toMatchObject({
        exitCode: 0,
        interrupted: true,
        events: [expect.anything(), expect.anything()],
      });
      await expect(harness.start([first])).resolves.toBe('interrupted');
      const before = await harness.events();
      const states = await Promise.all([
        harness.stateOf('resume'),
        harness.stateOf('resume'),
        harness.stateOf('resume'),
      ]);
      expect(states.filter((state) => state === 'started')).toHaveLength(1);
      const { events, outcome } = await harness.follow();
      expect(events.slice(0, 2)).toEqual(before);
      expect(outcome).toMatchObject({ status: 'succeeded', events: 5, resumes: 1, sessionId: harness.session });
      const calls = await harness.calls();
      expect(calls).toHaveLength(2);
      expect(calls[1]).toMatchObject({ prompt: CONTINUATION });
      await expect(harness.stateOf('resume')).resolves.toBe('ended');
    });

    it('resumes and follows an interrupted run from an offset with one command', async () => {
      await killRunner([first, [['init'], ['result']]]);
      const known = await harness.events();
      const offset = Buffer.byteLength(`${known.join('\n')}\n`);
      const { state, events, outcome } = await harness.resumeAndFollow(offset);
      expect(state).toBe('started');
      expect(outcome).toMatchObject({ status: 'succeeded', events: 4 });
      expect([...known, ...events]).toEqual(await harness.events());
    });

    it('kills the previous Claude Code before it resumes a run', async () => {
      await killRunner([
        [['init'], STUBBORN, ['child', true], ['say', 'say'], ['block']],
        [['init'], ['result']],
      ]);
      const old = [...(await harness.claudePids()), await childPid()];
      expect(old.length).toBeGreaterThan(1);
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
      expect(old.filter(isAlive)).toEqual([]);
    });

    it('fails a run with interrupted after its last resume', async () => {
      await killRunner([first, first]);
      await harness.stateOf('resume');
      await until('the resumed run to print', async () => (await harness.events()).length === 4);
      await kill(await harness.runnerPid());
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject(failed('interrupted', { resumes: 1, events: 4 }));
      expect(await harness.calls()).toHaveLength(2);
    });

    it('takes a result that was printed before the interruption without resuming the run', async () => {
      await killRunner([[['init'], ['result', { result: 'kept' }], ['hang']]], { graceSeconds: 30 }, '"result"');
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded', result: 'kept', resumes: 0, costUsd: 0.5 });
      expect(await harness.calls()).toHaveLength(1);
    });

    it('continues an interrupted run after its last complete line', async () => {
      await killRunner([first, [['init'], ['result']]]);
      await writeFile(harness.file('events.ndjson'), '{"type":"ass', { flag: 'a' });
      expect((await harness.follow()).events).toHaveLength(2);
      await harness.stateOf('resume');
      const { events, outcome } = await harness.follow();
      expect(outcome).toMatchObject({ status: 'succeeded', events: 4 });
      expect(events.map((line) => (JSON.parse(line) as { type: string }).type)).toEqual([
        'system',
        'assistant',
        'system',
        'result',
      ]);
    });

    it('does not resume a run that was being cancelled', async () => {
      await harness.start([[['init'], STUBBORN, ['say', 'say'], ['hang']]], { stopSeconds: 30 });
      await harness.waitForEvent('say');
      await harness.stateOf('cancel');
      await kill(await harness.runnerPid());
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'cancelled' });
      expect(await harness.calls()).toHaveLength(1);
    });

    it.each<[string, Step[]]>([
      ['Claude Code ends by the signal', []],
      ['Claude Code handles the signal', [['leaveOn', 'SIGTERM', 1]]],
    ])('resumes a run after a stop of its container: %s', async (_, steps) => {
      await harness.start([
        [['init'], ...steps, ['say', 'say'], ['hang']],
        [['init'], ['result']],
      ]);
      await harness.waitForEvent('say');
      const pids = [...(await harness.claudePids()), await harness.runnerPid()];
      // The runner ends its CLI when it gets the signal, maybe before the CLI gets its own.
      for (const pid of pids.toReversed()) terminate(pid);
      await until('all processes to end', () => !pids.some(isAlive));
      expect(await harness.follow()).toMatchObject({ interrupted: true, outcome: null });
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded', resumes: 1 });
    });

    it('counts only running time against the timeout of a run', async () => {
      await killRunner([first, [['init'], ['wait', 500], ['result']]], { timeoutSeconds: 8 });
      const run = JSON.parse(await readFile(harness.file('run.json'), 'utf8')) as { attemptAt: number };
      // Longer than its time-out since it began.
      await sleep(Math.max(0, run.attemptAt + 9_000 - Date.now()));
      await harness.stateOf('resume');
      expect(await ended()).toMatchObject({ status: 'succeeded' });
    }, 60_000);
  });
});
