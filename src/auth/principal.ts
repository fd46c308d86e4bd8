import { DomainError } from '../common/errors/domain-error.js';
import { PROJECT_ROLES, type ProjectRole, type Scope } from '../persistence/types.js';
import { includes, isForEverybody, isForOwnObjects, type Permission, PERMISSIONS } from './permissions.js';
import { EVERYTHING } from '../persistence/everything.js';

/** Who presented a credential. */
export interface Identity {
  /** A user with the platform role `admin` is an administrator. */
  readonly kind: 'administrator' | 'user' | 'service';
  readonly id: string;
  /** The user, unless it is a service or the administrator token. */
  readonly userId?: string;
  readonly name: string;
  /** The role in each project, by the project's id. An administrator may do everything in all of them. */
  readonly roles: ReadonlyMap<string, ProjectRole>;
  readonly credential: Credential;
}

/** What an identity was established by; it may be revoked. */
export type Credential =
  | { readonly kind: 'admin_token' }
  | { readonly kind: 'api_key'; readonly id: string }
  | { readonly kind: 'session'; readonly id: string };

/** The caller of a route or a socket event, which needs a permission. */
export interface Principal extends Identity {
  readonly permission: Permission;
  /** The projects whose objects it was found to be about; all where it has the permission, until then. */
  readonly projects?: Set<string>;
}

export const ADMINISTRATOR: Identity = {
  kind: 'administrator',
  id: 'admin',
  name: 'Administrator',
  roles: new Map(),
  credential: { kind: 'admin_token' },
};

/**
 * The caller of something that needs a permission.
 * @throws DomainError `forbidden` when it has the permission nowhere
 */
export function asPrincipal(identity: Identity, permission: Permission): Principal {
  const principal = { ...identity, permission, projects: new Set<string>() };
  if (!hasPermission(identity, permission)) throw forbidden(permission, identity);
  return principal;
}

/** The caller of something in a project, where it is known to have the permission. */
export function principalIn(identity: Identity, permission: Permission, projectId: string): Principal {
  return { ...identity, permission, projects: new Set([projectId]) };
}

/** The least that somebody must be to do what a principal does; an identity by itself is needed as it is. */
export function neededFor(identity: Identity | Principal): Identity {
  if (!('permission' in identity) || identity.kind === 'administrator') return identity;
  const { permission, roles, projects = new Set() } = identity;
  const least = PROJECT_ROLES.find((role) => includes(role, permission));
  if (least === undefined || isForEverybody(permission)) return { ...identity, roles: new Map() };
  const needed = [...roles.keys()].filter((id) =>
    projects.size > 0 ? projects.has(id) : includes(roles.get(id)!, permission),
  );
  return { ...identity, roles: new Map(needed.map((id) => [id, least])) };
}

/** Whether a role includes another one. */
export function isAtLeast(role: ProjectRole | undefined, least: ProjectRole): boolean {
  return role !== undefined && PROJECT_ROLES.indexOf(role) >= PROJECT_ROLES.indexOf(least);
}

/** What the identity may do, in some project at least, or in one. */
export function permissionsOf(identity: Identity, projectId?: string): Permission[] {
  if (projectId === undefined) return PERMISSIONS.filter((permission) => hasPermission(identity, permission));
  const role = identity.roles.get(projectId);
  const isAdministrator = identity.kind === 'administrator';
  return PERMISSIONS.filter((one) => isAdministrator || (role !== undefined && includes(role, one)));
}

/** The projects in which the identity has a permission. */
export function scopeOf({ kind, roles }: Identity, permission: Permission): Scope {
  if (kind === 'administrator') return EVERYTHING;
  return [...roles].filter(([, role]) => includes(role, permission)).map(([projectId]) => projectId);
}

/** The only project in which the identity has a role. @returns null when there is none, or several */
export function soleProjectOf({ roles }: Identity): string | null {
  return roles.size === 1 ? [...roles.keys()][0]! : null;
}

export function isInScope(scope: Scope, projectId: string): boolean {
  return scope === EVERYTHING || scope.includes(projectId);
}

/** @param identity of whom it is said as well that they have no project yet */
export function forbidden(permission: Permission, identity?: Pick<Identity, 'roles'>): DomainError {
  const isInNone = identity?.roles.size === 0 && PROJECT_ROLES.some((role) => includes(role, permission));
  const advice = isInNone ? ' You are in no project yet: an owner or an administrator adds you to one.' : '';
  return new DomainError('forbidden', `This needs the permission "${permission}".${advice}`);
}

function hasPermission({ kind, roles, userId }: Identity, permission: Permission): boolean {
  if (kind === 'administrator' || isForEverybody(permission)) return true;
  if (userId !== undefined && isForOwnObjects(permission)) return true;
  return [...roles.values()].some((role) => includes(role, permission));
}
