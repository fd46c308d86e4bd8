/** Patches of instructions, stored in parts so that no whole patch has to be in memory. */
export abstract class InstructionDiffsRepository {
  /** Writes a part, or replaces it. @param part from 0 */
  abstract putPart(instructionId: string, part: number, patch: Buffer): Promise<void>;
  /** @returns null after the last part */
  abstract getPart(instructionId: string, part: number): Promise<Buffer | null>;
}
