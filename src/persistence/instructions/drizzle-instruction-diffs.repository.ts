import { Injectable } from '@nestjs/common';
import { and, eq } from 'drizzle-orm';
import { Database } from '../database.js';
import { InstructionDiffsRepository } from './instruction-diffs.repository.js';
import { instructionDiffs } from './instructions.schema.js';

@Injectable()
export class DrizzleInstructionDiffsRepository extends InstructionDiffsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async putPart(instructionId: string, part: number, patch: Buffer): Promise<void> {
    await this.database.orm
      .insert(instructionDiffs)
      .values({ instructionId, part, patch })
      .onConflictDoUpdate({ target: [instructionDiffs.instructionId, instructionDiffs.part], set: { patch } });
  }

  async getPart(instructionId: string, part: number): Promise<Buffer | null> {
    const [row] = await this.database.orm
      .select({ patch: instructionDiffs.patch })
      .from(instructionDiffs)
      .where(and(eq(instructionDiffs.instructionId, instructionId), eq(instructionDiffs.part, part)));
    return row?.patch ?? null;
  }
}
