import { Injectable } from '@nestjs/common';
import { InstructionDiffsRepository } from '../../persistence/instructions/instruction-diffs.repository.js';

const PART_BYTES = 512 * 1024;
/** More than the runner keeps. */
const MOST_BYTES = 32 * 1024 * 1024;

/** Patches in the database, written and read in pieces. */
@Injectable()
export class DiffStorage {
  constructor(private readonly diffs: InstructionDiffsRepository) {}

  /** @returns how many bytes were stored */
  async store(instructionId: string, patch: AsyncIterable<Buffer>): Promise<number> {
    let part = 0;
    let stored = 0;
    let pieces: Buffer[] = [];
    let size = 0;
    const put = async (): Promise<void> => {
      await this.diffs.put(instructionId, part++, Buffer.concat(pieces));
      stored += size;
      [pieces, size] = [[], 0];
    };
    for await (const piece of patch) {
      pieces.push(piece);
      size += piece.length;
      if (size >= PART_BYTES) await put();
      if (stored >= MOST_BYTES) break;
    }
    if (size > 0) await put();
    return stored;
  }

  async *read(instructionId: string): AsyncGenerator<Buffer> {
    for (let part = 0; ; part++) {
      const patch = await this.diffs.part(instructionId, part);
      if (patch === null) return;
      yield patch;
    }
  }
}
