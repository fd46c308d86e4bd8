import type { Permission } from '../session/me.ts';

/** The pages of the administration, with what somebody must be allowed to see them. */
export const ADMIN_PAGES = [
  { to: '/admin/projects', label: 'Projects', permission: 'project:read' },
  { to: '/admin/users', label: 'Users', permission: 'user:read' },
  { to: '/admin/keys', label: 'API keys', permission: 'api-key:manage' },
  { to: '/admin/audit', label: 'Audit', permission: 'audit:read' },
  { to: '/admin/health', label: 'Health', permission: 'server:metrics' },
] as const satisfies readonly { to: string; label: string; permission: Permission }[];
