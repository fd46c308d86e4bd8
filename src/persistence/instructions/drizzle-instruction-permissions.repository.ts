import { Injectable } from '@nestjs/common';
import { and, asc, eq, inArray, isNull, ne, sql, type SQL } from 'drizzle-orm';
import { recordAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import {
  type NewPermission,
  InstructionPermissionsRepository,
  type PermissionRow,
} from './instruction-permissions.repository.js';
import { instructionPermissions, instructions } from './instructions.schema.js';
import type { PermissionDecision } from '../types.js';

const now = sql`now()`;

@Injectable()
export class DrizzleInstructionPermissionsRepository extends InstructionPermissionsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(permission: NewPermission, maxOpen: number): Promise<'written' | 'full'> {
    const { orm } = this.database;
    const open = await orm.$count(
      instructionPermissions,
      and(
        eq(instructionPermissions.instructionId, permission.instructionId),
        ne(instructionPermissions.requestId, permission.requestId),
        isNull(instructionPermissions.closedAt),
      ),
    );
    if (open >= maxOpen) return 'full';
    await orm.insert(instructionPermissions).values(permission).onConflictDoNothing();
    return 'written';
  }

  async listOpen(instructionIds: string[]): Promise<PermissionRow[]> {
    if (instructionIds.length === 0) return [];
    return this.database.orm
      .select()
      .from(instructionPermissions)
      .where(
        and(inArray(instructionPermissions.instructionId, instructionIds), isNull(instructionPermissions.closedAt)),
      )
      .orderBy(asc(instructionPermissions.askedAt), asc(instructionPermissions.requestId));
  }

  async find(instructionId: string, requestId: string): Promise<PermissionRow | null> {
    const [row] = await this.database.orm.select().from(instructionPermissions).where(one(instructionId, requestId));
    return row ?? null;
  }

  async decide(instructionId: string, requestId: string, decision: PermissionDecision): Promise<boolean> {
    return this.database.orm.transaction(async (tx) => {
      const [decided] = await tx
        .update(instructionPermissions)
        .set({ decision, closedAt: now })
        .from(instructions)
        .where(
          and(
            one(instructionId, requestId),
            isNull(instructionPermissions.closedAt),
            eq(instructions.id, instructionPermissions.instructionId),
          ),
        )
        .returning({ projectId: instructions.projectId });
      if (decided === undefined) return false;
      const target = { kind: 'instruction', id: instructionId, name: null };
      await recordAudit(tx, { action: `permission.${decision}`, target, projectId: decided.projectId });
      return true;
    });
  }

  async reopen(instructionId: string, requestId: string): Promise<void> {
    await this.database.orm
      .update(instructionPermissions)
      .set({ decision: null, closedAt: null })
      .where(one(instructionId, requestId));
  }

  async close(instructionId: string, requestId?: string): Promise<void> {
    const which =
      requestId === undefined ? eq(instructionPermissions.instructionId, instructionId) : one(instructionId, requestId);
    await this.database.orm
      .update(instructionPermissions)
      .set({ closedAt: now })
      .where(and(which, isNull(instructionPermissions.closedAt)));
  }
}

function one(instructionId: string, requestId: string): SQL | undefined {
  return and(eq(instructionPermissions.instructionId, instructionId), eq(instructionPermissions.requestId, requestId));
}
