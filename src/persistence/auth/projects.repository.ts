import type { ProjectUsage, Scope } from '../types.js';
import type { projects } from './auth.schema.js';

export type ProjectRow = typeof projects.$inferSelect;
export type ProjectPatch = Partial<Pick<ProjectRow, 'name' | 'quotas' | 'egress' | 'budgetUsd' | 'allowedImages'>>;

export type ProjectWrite = { kind: 'written'; row: ProjectRow } | { kind: 'name_taken' } | { kind: 'not_found' };
export type ProjectRemoval = 'removed' | 'not_found' | 'not_empty';

/** The units of tenancy. The default project always exists. */
export abstract class ProjectsRepository {
  abstract insert(project: ProjectRow): Promise<ProjectWrite>;
  abstract update(id: string, patch: ProjectPatch): Promise<ProjectWrite>;
  abstract findById(id: string, scope: Scope): Promise<ProjectRow | null>;
  abstract findByName(name: string, scope: Scope): Promise<ProjectRow | null>;
  /** By name. */
  abstract list(scope: Scope): Promise<ProjectRow[]>;
  /** Of one that was found in the scope of the caller. */
  abstract usage(id: string): Promise<ProjectUsage>;
  /** Removes the project with its API keys, unless it has containers. A container that is being created is waited for. */
  abstract remove(id: string): Promise<ProjectRemoval>;
}
