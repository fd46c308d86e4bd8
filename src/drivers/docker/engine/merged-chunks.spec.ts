import { describe, expect, it } from '@jest/globals';
import { MergedChunks } from './merged-chunks.js';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ntransfer-encoding: Chunked\r\nDate: today\r\n\r\n';
const END = '0\r\n\r\n';
const TEXTS = ['one\n', 'a longer chunk than fifteen bytes\r\n', 'x'.repeat(5_000), END];
const chunk = (text: string, extension = ''): string => `${text.length.toString(16)}${extension}\r\n${text}\r\n`;
const WHOLE = `${HEAD}${chunk(TEXTS[0]!)}${chunk(TEXTS[1]!)}${chunk(TEXTS[2]!, ';name=value')}${chunk(TEXTS[3]!)}${END}`;

function push(...parts: string[]): string[] {
  const merged = new MergedChunks();
  return parts.map((part) => Buffer.concat(merged.push(Buffer.from(part, 'latin1'))).toString('latin1'));
}

/** What the chunks of a body hold, and whether it is over. */
function bodyOf(answer: string): { text: string; isOver: boolean } {
  let rest = answer.slice(HEAD.length);
  let text = '';
  while (rest !== '' && rest !== END) {
    const [size] = rest.split('\r\n', 1) as [string];
    const from = size.length + 2;
    const to = from + Number.parseInt(size, 16);
    text += rest.slice(from, to);
    expect(rest.slice(to, to + 2)).toBe('\r\n');
    rest = rest.slice(to + 2);
  }
  return { text, isOver: rest === END };
}

describe('a chunked response', () => {
  it('has one chunk per received block', () => {
    expect(push(WHOLE)).toEqual([`${HEAD}${chunk(TEXTS.join(''))}${END}`]);
    expect(push(HEAD, `${chunk('ab')}${chunk('cd')}`, chunk('ef'), `3\r\ng`, 'hi\r', '\n')).toEqual([
      HEAD,
      chunk('abcd'),
      chunk('ef'),
      chunk('g'),
      chunk('hi'),
      '',
    ]);
  });

  it('may be split at any byte', () => {
    const places = [
      ...Array.from({ length: 220 }, (_, at) => at),
      WHOLE.length - 10,
      WHOLE.length - 3,
      WHOLE.length - 1,
    ];
    const all = [...places.map((at) => [WHOLE.slice(0, at), WHOLE.slice(at)]), [...WHOLE]].map((parts) =>
      push(...parts).join(''),
    );
    for (const each of all) {
      expect(each.startsWith(HEAD)).toBe(true);
      expect(bodyOf(each)).toEqual({ text: TEXTS.join(''), isOver: true });
    }
  });

  it('ends once, with its last chunk', () => {
    expect(bodyOf(push(HEAD, chunk('one')).join(''))).toEqual({ text: 'one', isOver: false });
    expect(push(HEAD, chunk('one'), '0\r\n', '\r\n')).toEqual([HEAD, chunk('one'), END, '']);
  });

  it('may have sizes in upper and lower case', () => {
    expect(push(HEAD, `1A\r\n${'y'.repeat(26)}\r\n1b\r\n${'z'.repeat(27)}\r\n`)[1]).toBe(
      chunk(`${'y'.repeat(26)}${'z'.repeat(27)}`),
    );
  });

  it.each([`${HEAD}xyz\r\n`, 'x'.repeat(70_000)])('is rejected when it is not HTTP (%#)', (text) => {
    expect(() => push(text)).toThrow("of the engine's response");
  });
});

describe('a response in another transfer coding', () => {
  it('passes unchanged', () => {
    const whole = 'HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n5\r\nab';
    expect(push(whole.slice(0, 30), whole.slice(30)).join('')).toBe(whole);
  });
});
