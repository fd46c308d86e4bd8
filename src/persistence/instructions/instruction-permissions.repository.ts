import type { instructionPermissions } from './instructions.schema.js';
import type { PermissionDecision } from '../types.js';

export type PermissionRow = typeof instructionPermissions.$inferSelect;
export type AskedPermission = Pick<PermissionRow, 'instructionId' | 'requestId' | 'toolName' | 'input' | 'askedAt'>;

/** What instructions ask to be allowed. */
export abstract class InstructionPermissionsRepository {
  /** Writes what is asked; what is known already stays as it is. */
  abstract ask(permission: AskedPermission): Promise<void>;
  /** Those of these instructions that wait for an answer, in the order they were asked. */
  abstract open(instructionIds: string[]): Promise<PermissionRow[]>;
  abstract find(instructionId: string, requestId: string): Promise<PermissionRow | null>;
  /** Takes the answer. @returns false when another one was given before, or it is no longer asked */
  abstract decide(instructionId: string, requestId: string, decision: PermissionDecision): Promise<boolean>;
  /** Takes the answer back: it did not reach whoever asked. */
  abstract reopen(instructionId: string, requestId: string): Promise<void>;
  /** It is no longer asked; without a request id, none of the instruction's is. */
  abstract close(instructionId: string, requestId?: string): Promise<void>;
}
