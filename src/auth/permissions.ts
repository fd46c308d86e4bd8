/** Who may do something by default: the least role in a project, or an administrator of the platform. */
type Grant = 'viewer' | 'member' | 'platform';

/** Every permission. Each route and each socket event names the one that it needs. */
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
  /** What the server is, and its limits. */
  'info:read': 'viewer',
  /** Metrics of the whole server. */
  'server:metrics': 'platform',
} as const satisfies Record<string, Grant>;

export type Permission = keyof typeof GRANTS;

export const PERMISSIONS = Object.keys(GRANTS) as Permission[];
