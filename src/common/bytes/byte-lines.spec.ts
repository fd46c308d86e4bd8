import { describe, expect, it } from '@jest/globals';
import { byteLines } from './byte-lines.js';

const MAX_BYTES = 10;

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const lines of byteLines(chunksOf(chunks), MAX_BYTES)) batches.push(lines.map(String));
  return batches;
}

async function* chunksOf(chunks: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

describe('byteLines', () => {
  it('yields the same lines from chunks of any size', async () => {
    await expect(linesOf('a\nb\n', 'c', 'd', 'e\n\nf\n')).resolves.toEqual([
      ['a', 'b'],
      ['cde', '', 'f'],
    ]);
  });

  it('joins characters that were split between chunks', async () => {
    const bytes = Buffer.from('ü€\n');
    const pieces = [...bytes].map((byte) => Buffer.from([byte]));
    await expect(linesOf(...pieces)).resolves.toEqual([['ü€']]);
  });

  it('drops a last line without a line break, unless it is to be kept', async () => {
    await expect(linesOf('a\nb')).resolves.toEqual([['a']]);
    await expect(linesOf()).resolves.toEqual([]);
    const kept: string[] = [];
    for await (const lines of byteLines(chunksOf(['a\nb', 'c']), MAX_BYTES, { keepLast: true }))
      kept.push(...lines.map(String));
    expect(kept).toEqual(['a', 'bc']);
  });

  it.each([
    ['that ends', ['12345678901\n']],
    ['that ends in a later chunk', ['123456', '78901\n']],
    ['that never ends', ['123456', '78901']],
    ['after others', ['a\nb\n12345678901']],
  ])('refuses a line %s when it is longer than allowed', async (_, chunks) => {
    await expect(linesOf(...chunks)).rejects.toMatchObject({ name: 'LineTooLongError', maxBytes: MAX_BYTES });
  });

  it('takes a line of exactly the allowed length', async () => {
    await expect(linesOf('12345', '67890\n1234567890\n')).resolves.toEqual([['1234567890', '1234567890']]);
  });

  it('reads no further than the line that is too long', async () => {
    let chunks = 0;
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.from('a'.repeat((chunks += 1)));
    }
    const reading = async (): Promise<void> => {
      for await (const _ of byteLines(endless(), MAX_BYTES));
    };
    await expect(reading()).rejects.toThrow('more than 10 bytes');
    expect(chunks).toBe(5);
  });
});
