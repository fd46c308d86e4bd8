import { describe, expect, it } from '@jest/globals';
import { parseOutcome } from './runner-outcome.js';

const WHOLE = {
  status: 'failed',
  reason: { code: 'max_turns', message: 'Too many turns.' },
  sessionId: 's',
  result: 'r',
  costUsd: 0.5,
  turns: 3,
  usage: { output_tokens: 7 },
  diffBytes: 12,
  diffTruncated: true,
};

describe('parseOutcome', () => {
  it('reads an outcome as the runner wrote it', () => {
    expect(parseOutcome(JSON.stringify({ ...WHOLE, startedAt: 'x', exitCode: 1 }))).toEqual(WHOLE);
  });

  it('reads fields that are missing or of another type as absent', () => {
    const nothing = {
      reason: null,
      sessionId: null,
      result: null,
      costUsd: null,
      turns: null,
      usage: null,
      diffBytes: 0,
      diffTruncated: false,
    };
    expect(parseOutcome('{"status":"succeeded"}')).toEqual({ status: 'succeeded', ...nothing });
    const odd = {
      status: 'cancelled',
      reason: 'x',
      sessionId: 1,
      result: {},
      costUsd: '1',
      turns: 1.5,
      usage: [1],
      diffBytes: -1,
      diffTruncated: 'yes',
    };
    expect(parseOutcome(JSON.stringify(odd))).toEqual({ status: 'cancelled', ...nothing });
  });

  it.each(['null', '[]', '{}', '{"status":"running"}', '{"status":1}'])('refuses %j', (line) => {
    expect(() => parseOutcome(line)).toThrow('the outcome has no status');
  });

  it.each(['', '{"status":"succeeded"'])('refuses truncated JSON: %j', (line) => {
    expect(() => parseOutcome(line)).toThrow('JSON');
  });

  it('replaces what PostgreSQL cannot store', () => {
    const parsed = parseOutcome(
      '{"status":"failed","result":"a\\u0000b\\ud800","usage":{"a\\u0000":["\\u0000"]},"reason":{"code":"c","message":"\\u0000"}}',
    );
    expect(parsed).toMatchObject({
      result: 'a\ufffdb\ufffd',
      usage: { 'a\ufffd': ['\ufffd'] },
      reason: { code: 'c', message: '\ufffd' },
    });
  });

  it('bounds the length of the reason', () => {
    const { reason } = parseOutcome(
      JSON.stringify({ status: 'failed', reason: { code: 'c'.repeat(1_000), message: 'm'.repeat(100_000) } }),
    );
    expect([reason?.code.length, reason?.message.length]).toEqual([100, 10_000]);
    expect(parseOutcome('{"status":"failed","reason":{"code":"c"}}').reason).toEqual({ code: 'c', message: 'c' });
  });
});
