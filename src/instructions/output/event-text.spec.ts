import { describe, expect, it } from '@jest/globals';
import { toEventText } from './event-text.js';

const say = (text: string): string =>
  JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } });

describe('the text of an event', () => {
  it('is a line for each step, with further lines indented', () => {
    expect(toEventText(say('First.\r\nSecond.\n'))).toBe('claude: First.\n  Second.\n');
  });

  it('is empty for an event that shows no step, and for what is no event', () => {
    expect(toEventText('{"type":"system","subtype":"status"}')).toBe('');
    expect(toEventText('"text"')).toBe('');
    expect(toEventText('not JSON')).toBe('');
  });

  it('is cut after twenty lines, and after four thousand characters', () => {
    expect(toEventText(say('line\n'.repeat(30))).split('\n')).toHaveLength(22);
    expect(toEventText(say('line\n'.repeat(30)))).toMatch(/\n {2}…\n$/);
    expect(toEventText(say('x'.repeat(5_000)))).toBe(`claude: ${'x'.repeat(4_000)}\n  …\n`);
  });

  it('has nothing that a terminal would act on', () => {
    expect(toEventText(say('\x1b[31mred\x1b[0m \x1b]0;title\x07\x9b2Jbell\x07 \u202eback\ud800'))).toBe(
      'claude: red bell back\ufffd\n',
    );
  });
});
