import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { failed } from '../support/instructions/failed-outcome.js';
import { CONTINUATION, RunnerHarness, type Step, STUBBORN } from '../support/instructions/runner-harness.js';

/** Short, but long enough for a loaded machine to start Claude Code. */
const SHORT_STALL = { stallSeconds: 4, toolSeconds: 1 };

describe('the supervision by devforge-instruction of a run without output', () => {
  let harness: RunnerHarness;
  beforeEach(async () => {
    harness = await RunnerHarness.create();
  });
  afterEach(() => harness.dispose());

  const silent: [string, Step[]][] = [
    ['before the first event', [['hang']]],
    ['during the run', [['init'], ['say', 'a'], ['hang']]],
    ['with signals ignored', [['init'], STUBBORN, ['hang']]],
  ];
  it.each(silent)(
    'fails a run with stalled after one resume: %s',
    async (_, steps) => {
      const outcome = await harness.outcome([steps], SHORT_STALL);
      expect(outcome).toMatchObject(failed('stalled', { resumes: 1 }));
      expect(await harness.calls()).toHaveLength(2);
      await expect(harness.claudePids()).resolves.toEqual([]);
    },
    60_000,
  );

  it('resumes a stalled session that has the prompt', async () => {
    const outcome = await harness.outcome(
      [
        [['init'], ['hang']],
        [['init'], ['say', 'on'], ['result']],
      ],
      SHORT_STALL,
    );
    expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1, events: 4 });
    const [first, second] = await harness.calls();
    expect(second).toMatchObject({
      prompt: CONTINUATION,
      argv: expect.arrayContaining([`--resume=${harness.session}`]),
    });
    expect(first!.argv).toContain(`--session-id=${harness.session}`);
  }, 60_000);

  it('starts a stalled session again that does not have the prompt', async () => {
    const outcome = await harness.outcome([[['hang']], [['init'], ['result']]], SHORT_STALL);
    expect(outcome).toMatchObject({ status: 'succeeded', resumes: 1 });
    const [first, second] = await harness.calls();
    expect(second).toMatchObject({
      prompt: first!.prompt,
      argv: expect.arrayContaining([`--session-id=${harness.session}`]),
    });
  }, 60_000);

  it('waits longer for output during a tool call', async () => {
    const longer = { stallSeconds: 3, toolSeconds: 60 };
    const other = await RunnerHarness.create();
    try {
      const outcomes = await Promise.all([
        harness.outcome([[['init'], ['tool', 't'], ['wait', 6_000], ['toolResult', 't'], ['result']]], longer),
        other.outcome([[['init'], ['tool', 't'], ['toolResult', 't'], ['wait', 6_000], ['result']]], {
          ...longer,
          resumes: 0,
        }),
      ]);
      expect(outcomes).toMatchObject([{ status: 'succeeded', resumes: 0 }, failed('stalled', { resumes: 0 })]);
    } finally {
      await other.dispose();
    }
  }, 60_000);

  it('waits for a permission until the timeout of the run', async () => {
    const outcome = await harness.outcome([[['init'], ['ask', 'r', {}], ['result']]], {
      permissionMode: 'manual',
      stallSeconds: 4,
      timeoutSeconds: 12,
    });
    expect(outcome).toMatchObject({ status: 'timed_out', reason: { code: 'timed_out' } });
  }, 60_000);
});
