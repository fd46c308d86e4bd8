import { PROJECT_ROLES, type ProjectRole } from '../persistence/types.js';

/** Who has a permission: everybody who is authenticated, a role in a project and those above it, or administrators alone. */
type Grant = 'everybody' | ProjectRole | 'administrator';

/** Every permission, and who has it. Each route and each socket event names the one that it needs. */
const GRANTS = {
  /** Status, metrics, logs and jobs. */
  'container:read': 'viewer',
  'container:create': 'member',
  /** Starting, stopping and changing. */
  'container:update': 'member',
  'container:delete': 'member',
  'container:exec': 'member',
  'container:files': 'member',
  'container:terminal': 'member',
  /** Links that sign a browser in to VS Code or a port. */
  'container:editor': 'member',
  /** Instructions, their events and diffs. */
  'instruction:read': 'viewer',
  /** Instructing, cancelling and answering permission requests. */
  'instruction:drive': 'member',
  'project:read': 'viewer',
  /** Making, changing and removing projects. */
  'project:manage': 'administrator',
  /** Members of projects. */
  'member:read': 'viewer',
  'member:manage': 'owner',
  'api-key:manage': 'owner',
  /** Names and kinds of the credentials that containers may use. */
  'credential:read': 'member',
  /** Storing and deleting them. */
  'credential:manage': 'owner',
  /** Seeing who did what in a project. */
  'audit:read': 'owner',
  /** Finding people to add to a project. */
  'user:read': 'owner',
  /** Inviting, changing, disabling and removing users. */
  'user:manage': 'administrator',
  /** Seeing and ending one's own sessions. */
  'session:manage': 'everybody',
  /** Who one is, what the server is, and its limits. */
  'info:read': 'everybody',
  /** Metrics of the whole server. */
  'server:metrics': 'administrator',
} as const satisfies Record<string, Grant>;

export type Permission = keyof typeof GRANTS;

export const PERMISSIONS = Object.keys(GRANTS) as Permission[];

/** Permissions that users also have, without any role, for objects of their own. */
const FOR_OWN_OBJECTS: ReadonlySet<Permission> = new Set(['api-key:manage', 'credential:read', 'credential:manage']);

export function isForOwnObjects(permission: Permission): boolean {
  return FOR_OWN_OBJECTS.has(permission);
}

/** Whether a permission needs no role in any project. */
export function isForEverybody(permission: Permission): boolean {
  return GRANTS[permission] === 'everybody';
}

/** Whether a role in a project includes a permission. */
export function includes(role: ProjectRole, permission: Permission): boolean {
  const grant: Grant = GRANTS[permission];
  if (grant === 'everybody') return true;
  return grant !== 'administrator' && PROJECT_ROLES.indexOf(role) >= PROJECT_ROLES.indexOf(grant);
}
