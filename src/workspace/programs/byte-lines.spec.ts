import { describe, expect, it } from '@jest/globals';
import { byteLines } from './byte-lines.js';

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const lines of byteLines(chunksOf(chunks))) batches.push(lines.map(String));
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

  it('drops a last line without a line break', async () => {
    await expect(linesOf('a\nb')).resolves.toEqual([['a']]);
    await expect(linesOf()).resolves.toEqual([]);
  });
});
