/** Patches of instructions, in pieces so that no whole one needs to be in memory. */
export abstract class InstructionDiffsRepository {
  /** @param part from 0; one that is there is replaced */
  abstract put(instructionId: string, part: number, patch: Buffer): Promise<void>;
  /** @returns null after the last part */
  abstract part(instructionId: string, part: number): Promise<Buffer | null>;
}
