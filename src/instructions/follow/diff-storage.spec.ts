import { describe, expect, it } from '@jest/globals';
import { InstructionDiffsRepository } from '../../persistence/instructions/instruction-diffs.repository.js';
import { DiffStorage } from './diff-storage.js';

const KIB = 1024;

class Parts extends InstructionDiffsRepository {
  readonly parts: Buffer[] = [];
  async put(_id: string, part: number, patch: Buffer): Promise<void> {
    this.parts[part] = patch;
  }
  async part(_id: string, part: number): Promise<Buffer | null> {
    return this.parts[part] ?? null;
  }
}

async function* pieces(count: number, bytes: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(bytes, index);
}

async function all(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('a patch', () => {
  it('comes back as it was, in parts of bounded size', async () => {
    const repository = new Parts();
    const storage = new DiffStorage(repository);
    await expect(storage.store('i', pieces(100, 30 * KIB))).resolves.toBe(100 * 30 * KIB);
    expect(repository.parts.length).toBeGreaterThan(4);
    expect(Math.max(...repository.parts.map(({ length }) => length))).toBeLessThan(600 * KIB);
    expect((await all(storage.read('i'))).equals(await all(pieces(100, 30 * KIB)))).toBe(true);
  });

  it('may be empty', async () => {
    const repository = new Parts();
    await expect(new DiffStorage(repository).store('i', pieces(0, 0))).resolves.toBe(0);
    expect(repository.parts).toEqual([]);
  });

  it('does not fill the database, whatever the workspace says', async () => {
    const repository = new Parts();
    const stored = await new DiffStorage(repository).store('i', pieces(1_000_000, 256 * KIB));
    expect(stored).toBeLessThan(34 * KIB * KIB);
  });
});
