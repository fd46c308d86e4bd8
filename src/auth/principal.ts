import { DomainError } from '../common/errors/domain-error.js';
import { PERMISSIONS, type Permission } from './permissions.js';

/** The authenticated caller of a request. Every query is scoped to `ownerId`. */
export interface Principal {
  readonly ownerId: string;
  readonly permissions: ReadonlySet<Permission>;
}

export const ADMINISTRATOR: Principal = { ownerId: 'admin', permissions: new Set(PERMISSIONS) };

/** @throws DomainError `forbidden` */
export function requirePermission(principal: Principal, permission: Permission): void {
  if (!principal.permissions.has(permission))
    throw new DomainError('forbidden', `This needs the permission "${permission}".`);
}
