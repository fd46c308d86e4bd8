import type { instructionPermissions } from './instructions.schema.js';
import type { PermissionDecision } from '../types.js';

export type PermissionRow = typeof instructionPermissions.$inferSelect;
export type NewPermission = Pick<PermissionRow, 'instructionId' | 'requestId' | 'toolName' | 'input' | 'askedAt'>;

/** Permission requests of instructions. */
export abstract class InstructionPermissionsRepository {
  /**
   * Writes a request unless it was written before.
   * @param maxOpen open requests that the instruction may have
   * @returns `full`, and nothing is written, when it has as many already
   */
  abstract insert(permission: NewPermission, maxOpen: number): Promise<'written' | 'full'>;
  /** The open requests of these instructions, in the order they were made. */
  abstract listOpen(instructionIds: string[]): Promise<PermissionRow[]>;
  abstract find(instructionId: string, requestId: string): Promise<PermissionRow | null>;
  /** Stores the answer and closes the request. @returns false when the request was closed before */
  abstract decide(instructionId: string, requestId: string, decision: PermissionDecision): Promise<boolean>;
  /** Opens a request again whose answer could not be delivered. */
  abstract reopen(instructionId: string, requestId: string): Promise<void>;
  /** Closes one request, or every request of the instruction. */
  abstract close(instructionId: string, requestId?: string): Promise<void>;
}
