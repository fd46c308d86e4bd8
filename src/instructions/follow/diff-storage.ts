import { Injectable } from '@nestjs/common';
import { GrowingBuffer } from '../../common/bytes/growing-buffer.js';
import { InstructionDiffsRepository } from '../../persistence/instructions/instruction-diffs.repository.js';
import { type DiffStat, DiffStatCounter } from './diff-stat.js';

const PART_BYTES = 512 * 1024;
/** Above the limit of the runner, which a modified runner in the workspace need not keep. */
export const MAX_DIFF_BYTES = 32 * 1024 * 1024;

export interface StoredDiff extends DiffStat {
  bytes: number;
}

export const NO_DIFF: StoredDiff = { bytes: 0, files: 0, insertions: 0, deletions: 0 };

/** Patches in the database, written and read in parts of bounded size. */
@Injectable()
export class DiffStorage {
  constructor(private readonly diffs: InstructionDiffsRepository) {}

  /** Stores a patch up to a limit, and counts what is stored. */
  async store(instructionId: string, patch: AsyncIterable<Buffer>): Promise<StoredDiff> {
    const stat = new DiffStatCounter();
    let part = 0;
    let stored = 0;
    const pending = new GrowingBuffer();
    const flush = async (): Promise<void> => {
      const bytes = pending.take();
      await this.diffs.putPart(instructionId, part++, bytes);
      stored += bytes.length;
    };
    for await (const chunk of patch) {
      pending.append(chunk);
      stat.push(chunk);
      if (pending.length >= PART_BYTES) await flush();
      if (stored >= MAX_DIFF_BYTES) break;
    }
    if (pending.length > 0) await flush();
    return { bytes: stored, ...stat.end() };
  }

  async *read(instructionId: string): AsyncGenerator<Buffer> {
    for (let part = 0; ; part++) {
      const patch = await this.diffs.getPart(instructionId, part);
      if (patch === null) return;
      yield patch;
    }
  }
}
