import { describe, expect, it } from '@jest/globals';
import { readAgentLine } from './agent-line.js';

const line = (value: unknown): string => JSON.stringify(value);

describe('readAgentLine', () => {
  it('reads the state, its start and what the agent waits for', () => {
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
  ])('rejects the line %j', (text) => {
    expect(readAgentLine(text)).toBeUndefined();
  });

  it.each([-1, 0, 1e300, '5', {}, null, undefined])('reads an invalid start %j as null', (since) => {
    expect(readAgentLine(line({ state: 'idle', since }))).toMatchObject({ state: 'idle', since: null });
  });

  it('shortens texts to one line and replaces values of other types', () => {
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
