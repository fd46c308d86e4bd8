import { Injectable } from '@nestjs/common';
import { and, asc, eq, isNull, or, type SQL } from 'drizzle-orm';
import { containers, keptVolume } from '../containers/containers.schema.js';
import type { AuditEntry } from '../audit/audit-events.repository.js';
import { recordAudit } from '../audit/record-audit.js';
import { Database } from '../database.js';
import { violatedConstraint } from '../database-error.js';
import type { ProjectUsage, Scope } from '../types.js';
import { snapshots } from '../snapshots/snapshots.schema.js';
import { projects } from './auth.schema.js';
import { usageOf } from './project-quotas.js';
import { raiseAccessRevision } from './drizzle-access-revisions.repository.js';
import {
  type ProjectPatch,
  type ProjectRemoval,
  type ProjectRow,
  ProjectsRepository,
  type ProjectWrite,
} from './projects.repository.js';
import { inProjects } from '../in-projects.js';

@Injectable()
export class DrizzleProjectsRepository extends ProjectsRepository {
  constructor(private readonly database: Database) {
    super();
  }

  async insert(project: ProjectRow): Promise<ProjectWrite> {
    return unlessNameTaken(async () => {
      await this.database.orm.transaction(async (tx) => {
        await tx.insert(projects).values(project);
        await recordAudit(tx, entryOf('project.create', project));
      });
      return { kind: 'written', row: project };
    });
  }

  async update(id: string, patch: ProjectPatch): Promise<ProjectWrite> {
    return unlessNameTaken(async () => {
      const row = await this.database.orm.transaction(async (tx) => {
        const [updated] = await tx.update(projects).set(patch).where(eq(projects.id, id)).returning();
        if (updated !== undefined) await recordAudit(tx, entryOf('project.update', updated));
        return updated;
      });
      return row === undefined ? { kind: 'not_found' } : { kind: 'written', row };
    });
  }

  async findById(id: string, scope: Scope): Promise<ProjectRow | null> {
    const [row] = await this.select(scope, eq(projects.id, id));
    return row ?? null;
  }

  async findByName(name: string, scope: Scope): Promise<ProjectRow | null> {
    const [row] = await this.select(scope, eq(projects.name, name));
    return row ?? null;
  }

  async list(scope: Scope): Promise<ProjectRow[]> {
    return this.select(scope);
  }

  async usage(id: string): Promise<ProjectUsage> {
    return usageOf(this.database.orm, id);
  }

  async remove(id: string): Promise<ProjectRemoval> {
    return this.database.orm.transaction(async (tx): Promise<ProjectRemoval> => {
      // The lock waits for transactions that insert a container, which hold the row through its foreign key.
      const [row] = await tx.select().from(projects).where(eq(projects.id, id)).for('update');
      if (row === undefined) return 'not_found';
      const [container] = await tx
        .select({ id: containers.id })
        .from(containers)
        .where(and(eq(containers.projectId, id), or(isNull(containers.deletedAt), keptVolume())))
        .limit(1);
      const hasSnapshots = (await tx.$count(snapshots, eq(snapshots.projectId, id))) > 0;
      if (container !== undefined || hasSnapshots) return 'not_empty';
      await tx.delete(projects).where(eq(projects.id, id));
      await raiseAccessRevision(tx);
      await recordAudit(tx, entryOf('project.delete', row));
      return 'removed';
    });
  }

  private async select(scope: Scope, condition?: SQL): Promise<ProjectRow[]> {
    const wanted = and(condition, inProjects(projects.id, scope));
    return this.database.orm.select().from(projects).where(wanted).orderBy(asc(projects.name));
  }
}

function entryOf(action: AuditEntry['action'], { id, name }: ProjectRow): AuditEntry {
  return { action, target: { kind: 'project', id, name }, projectId: id };
}

async function unlessNameTaken(write: () => Promise<ProjectWrite>): Promise<ProjectWrite> {
  try {
    return await write();
  } catch (error) {
    if (violatedConstraint(error) === 'projects_name') return { kind: 'name_taken' };
    throw error;
  }
}
