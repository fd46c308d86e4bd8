import { describe, expect, it } from '@jest/globals';
import { isFrom, markSources } from './log-source.js';

const line = (message: string) => ({ stream: 'stdout' as const, timestamp: '', message });

describe('the source of a line', () => {
  it.each([
    ['[terminal] 1a2b opened', 'terminal'],
    ['[my-app.2] listening', 'my-app.2'],
    ['[terminal]', undefined],
    ['[] text', undefined],
    ['[Terminal] text', undefined],
    ['[two words] text', undefined],
    [' [terminal] text', undefined],
    ['text [terminal] text', undefined],
    ['', undefined],
    [`[${'x'.repeat(33)}] text`, undefined],
  ])('of %j is %s', (message, source) => {
    const [marked] = markSources([line(message)]);
    expect(marked).toEqual({ ...line(message), ...(source === undefined ? {} : { source }) });
    expect(isFrom(undefined, marked!)).toBe(true);
    expect(isFrom('terminal', marked!)).toBe(source === 'terminal');
  });
});
