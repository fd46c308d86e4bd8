import { describe, expect, it } from '@jest/globals';
import { InstructionDiffsRepository } from '../../persistence/instructions/instruction-diffs.repository.js';
import { DiffStorage, NO_DIFF } from './diff-storage.js';

const KIB = 1024;

class FakeDiffsRepository extends InstructionDiffsRepository {
  readonly parts: Buffer[] = [];
  async putPart(_id: string, part: number, patch: Buffer): Promise<void> {
    this.parts[part] = patch;
  }
  async getPart(_id: string, part: number): Promise<Buffer | null> {
    return this.parts[part] ?? null;
  }
}

async function* chunks(count: number, bytes: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(bytes, index);
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const received: Buffer[] = [];
  for await (const chunk of stream) received.push(chunk);
  return Buffer.concat(received);
}

describe('DiffStorage', () => {
  it('returns a patch unchanged, and stores it in parts of bounded size', async () => {
    const repository = new FakeDiffsRepository();
    const storage = new DiffStorage(repository);
    await expect(storage.store('i', chunks(100, 30 * KIB))).resolves.toMatchObject({ bytes: 100 * 30 * KIB });
    expect(repository.parts.length).toBeGreaterThan(4);
    expect(Math.max(...repository.parts.map(({ length }) => length))).toBeLessThan(600 * KIB);
    expect((await readAll(storage.read('i'))).equals(await readAll(chunks(100, 30 * KIB)))).toBe(true);
  });

  it('stores no part of an empty patch', async () => {
    const repository = new FakeDiffsRepository();
    await expect(new DiffStorage(repository).store('i', chunks(0, 0))).resolves.toEqual(NO_DIFF);
    expect(repository.parts).toEqual([]);
  });

  it('stops at its limit for an endless patch', async () => {
    const repository = new FakeDiffsRepository();
    const { bytes } = await new DiffStorage(repository).store('i', chunks(1_000_000, 256 * KIB));
    expect(bytes).toBeLessThan(34 * KIB * KIB);
  });
});
