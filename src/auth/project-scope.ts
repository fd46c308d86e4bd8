import { DomainError } from '../common/errors/domain-error.js';
import { DEFAULT_PROJECT, type Scope } from '../persistence/types.js';
import { forbidden, isInScope, type Principal, scopeOf } from './principal.js';

/** The projects whose objects the principal may know of. Those of others do not exist for it. */
export function visibleTo(principal: Principal): Scope {
  return scopeOf(principal, 'project:read');
}

/** @throws DomainError `forbidden` when the principal's role in a project is not enough for what it calls */
export function requireIn(principal: Principal, projectId: string): void {
  if (!isInScope(scopeOf(principal, principal.permission), projectId)) throw forbidden(principal.permission);
}

/**
 * The projects that a list covers: the one that is asked for, or all that the principal may see.
 * @throws DomainError `project_not_found`
 */
export function projectsOf(principal: Principal, projectId: string | undefined): Scope {
  if (projectId === undefined) return scopeOf(principal, principal.permission);
  if (!isInScope(visibleTo(principal), projectId)) throw projectNotFound(projectId);
  requireIn(principal, projectId);
  return [projectId];
}

/**
 * The project of a new object: the one that is asked for, the principal's only one, or the default project.
 * @throws DomainError `project_not_found`, `forbidden`
 */
export function projectForNew(principal: Principal, asked: string | undefined): string {
  const projectId = asked ?? (principal.roles.size === 1 ? [...principal.roles.keys()][0]! : DEFAULT_PROJECT.id);
  if (!isInScope(visibleTo(principal), projectId)) throw projectNotFound(projectId);
  requireIn(principal, projectId);
  return projectId;
}

export function projectNotFound(reference: string): DomainError {
  return new DomainError('project_not_found', `There is no project "${reference}".`);
}
