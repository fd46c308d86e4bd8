import { describe, expect, it } from '@jest/globals';
import { plainTail, plainText } from './plain-text.js';

describe('plainText', () => {
  it.each([
    ['\x1b[31mred\x1b[0m', 'red'],
    ['\x1b]0;title\x07text', 'text'],
    ['\u009b31mred', 'red'],
    ['a\x00b\x07c\x7fd\x85e', 'abcde'],
    ['two\nlines\tand\r', 'two\nlines\tand'],
    ['a\u202eb\u2028c\ud800', 'abc\ufffd'],
    ['ä€😀', 'ä€😀'],
  ])('turns %j into %j', (given, expected) => {
    expect(plainText(given, 100)).toBe(expected);
  });

  it('cuts at the beginning or at the end', () => {
    expect(plainText('abcdef', 3)).toBe('abc');
    expect(plainTail('abcdef', 3)).toBe('def');
  });
});
