import { describe, expect, it } from '@jest/globals';
import { readAgentLine } from './agent-line.js';

const line = (told: unknown): string => JSON.stringify(told);

describe('a line of a watch', () => {
  it('tells state, beginning and what is waited for', () => {
    expect(
      readAgentLine(
        line({ state: 'waiting', since: 1_795_356_698_991_123, waitingFor: { tool: 'Bash', text: 'rm -rf x' } }),
      ),
    ).toEqual({
      state: 'waiting',
      since: new Date(1_795_356_698_991),
      waitingFor: { tool: 'Bash', text: 'rm -rf x' },
    });
    expect(readAgentLine(line({ state: 'none', since: null, waitingFor: null }))).toEqual({
      state: 'none',
      since: null,
      waitingFor: null,
    });
  });

  it.each([
    '',
    '{',
    'null',
    '5',
    '[]',
    '"idle"',
    '{}',
    line({ state: 'asleep' }),
    line({ state: 'toString' }),
    line({ state: ['idle'] }),
    line({ __proto__: null, constructor: 'idle' }),
  ])('is not %j', (text) => {
    expect(readAgentLine(text)).toBeUndefined();
  });

  it.each([-1, 0, 1e300, '5', {}, null, undefined])('has no beginning in %j', (since) => {
    expect(readAgentLine(line({ state: 'idle', since }))).toMatchObject({ state: 'idle', since: null });
  });

  it('gives no more of a text than fits a line', () => {
    const { waitingFor } = readAgentLine(
      line({
        state: 'waiting',
        since: 1,
        waitingFor: { tool: 'a\u0000b', text: `\u001b[2J two\n\n  lines\u0085${'x'.repeat(1_000)}` },
      }),
    )!;
    expect(waitingFor!.tool).toBe('a b');
    expect(waitingFor!.text).toMatch(/^\[2J two lines x{180,}$/);
    expect(waitingFor!.text).toHaveLength(200);
    expect(readAgentLine(line({ state: 'waiting', since: 1, waitingFor: { tool: 5, text: {} } }))!.waitingFor).toEqual({
      tool: null,
      text: '',
    });
  });
});
