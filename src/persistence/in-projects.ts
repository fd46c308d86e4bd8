import { type Column, eq, inArray, or, type SQL } from 'drizzle-orm';
import { EVERYTHING } from './everything.js';
import type { HolderScope, Scope } from './types.js';

/** Rows of the projects of a scope. */
export function inProjects(projectId: Column, scope: Scope): SQL | undefined {
  return scope === EVERYTHING ? undefined : inArray(projectId, [...scope]);
}

/** Rows of the projects, and those of the user. */
export function heldIn(
  { projectId, userId: holder }: { projectId: Column; userId: Column },
  { projects, userId }: HolderScope,
): SQL | undefined {
  if (projects === EVERYTHING) return undefined;
  return or(inProjects(projectId, projects), userId === undefined ? undefined : eq(holder, userId));
}
