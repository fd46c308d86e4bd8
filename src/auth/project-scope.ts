import { noteRequest, type Target } from '../common/request-context.js';
import { DomainError } from '../common/errors/domain-error.js';
import { EVERYTHING } from '../persistence/everything.js';
import { DEFAULT_PROJECT, type HolderScope, type Scope } from '../persistence/types.js';
import { forbidden, isInScope, type Principal, scopeOf, soleProjectOf } from './principal.js';

/** The projects whose objects the principal may know of. Those of others do not exist for it. */
export function visibleTo(principal: Principal): Scope {
  return scopeOf(principal, 'project:read');
}

/** @throws DomainError `forbidden` when the principal's role in a project is not enough for what it calls */
export function requireIn(principal: Principal, projectId: string): void {
  principal.projects?.add(projectId);
  if (isInScope(scopeOf(principal, principal.permission), projectId)) return;
  noteRequest({ projectId });
  throw forbidden(principal.permission);
}

/** What the principal may know of that belongs to projects or to users: that of its projects, and its own. */
export function heldVisibleTo(principal: Principal): HolderScope {
  return { projects: visibleTo(principal), userId: principal.userId };
}

/**
 * Notes that what is asked for was not found where the caller may look; elsewhere it may exist.
 * @param target what is asked for, unless the route is called for it
 */
export function noteNotFound(searched: Scope, target?: Target): void {
  if (searched !== EVERYTHING) noteRequest({ searched, ...(target === undefined ? {} : { target: () => target }) });
}

/**
 * The projects that a list covers: the one that is asked for, or all that the principal may see.
 * @throws DomainError `project_not_found`
 */
export function projectsOf(principal: Principal, projectId: string | undefined): Scope {
  if (projectId === undefined) return scopeOf(principal, principal.permission);
  requireVisible(principal, projectId);
  requireIn(principal, projectId);
  return [projectId];
}

/**
 * The project of a new object: the one that is asked for, the principal's only one, or the default project.
 * @throws DomainError `project_not_found`, `forbidden`
 */
export function projectForNew(principal: Principal, asked: string | undefined): string {
  const projectId = asked ?? soleProjectOf(principal) ?? DEFAULT_PROJECT.id;
  requireVisible(principal, projectId);
  requireIn(principal, projectId);
  return projectId;
}

function requireVisible(principal: Principal, projectId: string): void {
  if (isInScope(visibleTo(principal), projectId)) return;
  noteNotFound(visibleTo(principal), { kind: 'project', id: projectId, name: null });
  throw projectNotFound(projectId);
}

export function projectNotFound(reference: string): DomainError {
  return new DomainError('project_not_found', `There is no project "${reference}".`);
}
