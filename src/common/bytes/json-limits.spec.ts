import { describe, expect, it } from '@jest/globals';
import { jsonExcess } from './json-limits.js';

const excess = (text: string): string | undefined => jsonExcess(Buffer.from(text), { maxDepth: 3, maxValues: 5 });

describe('jsonExcess', () => {
  it.each([
    '{}',
    '[[[]]]',
    '[1,2,3,4]',
    '{"a":{"b":{}},"c":1}',
    '"text"',
    '1',
    '',
    '{"a":"[[[[[,,,,,,,,"}',
    '"\\"[[[[,,,,,,"',
  ])('accepts %s', (text) => {
    expect(excess(text)).toBeUndefined();
  });

  it.each([
    ['[[[[]]]]', 'levels'],
    ['{"a":{"a":{"a":{}}}}', 'levels'],
    ['[[],[],[],[]]', 'values'],
    ['[1,2,3,4,5,6]', 'values'],
    ['{"a":"\\\\","b":1,"c":2,"d":3,"e":4,"f":5}', 'values'],
    ['["\\\\\\"",[[[', 'levels'],
  ])('refuses %s for its %s', (text, reason) => {
    expect(excess(text)).toContain(reason);
  });

  it('leaves what is no JSON to the parser', () => {
    expect(excess('{"a')).toBeUndefined();
    expect(excess(']]]]')).toBeUndefined();
    expect(excess('"\\')).toBeUndefined();
  });

  it('reads millions of quotes and backslashes once', () => {
    const started = performance.now();
    for (const text of ['"\\"'.repeat(300_000), `"${'\\'.repeat(1_000_000)}`, `"${'\\\\"'.repeat(300_000)}`])
      excess(text);
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
