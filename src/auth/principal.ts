import { DomainError } from '../common/errors/domain-error.js';
import type { ProjectRole, Scope } from '../persistence/types.js';
import { includes, isForEverybody, isForOwnObjects, type Permission } from './permissions.js';

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
  const principal = { ...identity, permission };
  if (!hasPermission(identity, permission)) throw forbidden(permission);
  return principal;
}

/** The projects in which the identity has a permission. */
export function scopeOf({ kind, roles }: Identity, permission: Permission): Scope {
  if (kind === 'administrator') return 'all';
  return [...roles].filter(([, role]) => includes(role, permission)).map(([projectId]) => projectId);
}

export function isInScope(scope: Scope, projectId: string): boolean {
  return scope === 'all' || scope.includes(projectId);
}

export function forbidden(permission: Permission): DomainError {
  return new DomainError('forbidden', `This needs the permission "${permission}".`);
}

function hasPermission({ kind, roles, userId }: Identity, permission: Permission): boolean {
  if (kind === 'administrator' || isForEverybody(permission)) return true;
  if (userId !== undefined && isForOwnObjects(permission)) return true;
  return [...roles.values()].some((role) => includes(role, permission));
}
