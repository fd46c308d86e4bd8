import { createRootRoute, createRoute, createRouter, Outlet } from '@tanstack/react-router';
import { readFilters } from '../admin/audit-filters.ts';
import { readFilesSearch } from '../container/files/paths.ts';
import { readView } from '../containers/view.ts';
import { SessionGate } from '../session/session-gate.tsx';
import { WelcomePage } from '../sign-in/welcome-page.tsx';
import { Empty } from '../ui/empty.tsx';
import { lazyPage, PageFailure } from './lazy-page.tsx';
import { Shell } from './shell.tsx';

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });

/** Where a single-use link leads; nobody is signed in yet. */
const welcome = createRoute({ getParentRoute: () => root, path: 'welcome', component: WelcomePage });

const signedIn = createRoute({
  getParentRoute: () => root,
  id: 'signed-in',
  component: () => (
    <SessionGate>
      <Shell />
    </SessionGate>
  ),
});

const containers = createRoute({
  getParentRoute: () => signedIn,
  path: '/',
  validateSearch: readView,
  component: lazyPage(() => import('../containers/containers-page.tsx'), 'ContainersPage'),
});

const newContainer = createRoute({
  getParentRoute: () => signedIn,
  path: 'new',
  component: lazyPage(() => import('../new-container/new-container-page.tsx'), 'NewContainerPage'),
});

const inbox = createRoute({
  getParentRoute: () => signedIn,
  path: 'inbox',
  component: lazyPage(() => import('../inbox/inbox-page.tsx'), 'InboxPage'),
});

const container = createRoute({
  getParentRoute: () => signedIn,
  path: 'containers/$name',
  component: lazyPage(() => import('../container/container-page.tsx'), 'ContainerPage'),
});

const agent = createRoute({
  getParentRoute: () => container,
  path: '/',
  component: lazyPage(() => import('../container/agent/agent-tab.tsx'), 'AgentTab'),
});

const terminal = createRoute({
  getParentRoute: () => container,
  path: 'terminal',
  component: lazyPage(() => import('../container/terminal/terminal-tab.tsx'), 'TerminalTab'),
});

const logs = createRoute({
  getParentRoute: () => container,
  path: 'logs',
  component: lazyPage(() => import('../container/logs/logs-tab.tsx'), 'LogsTab'),
});

const changes = createRoute({
  getParentRoute: () => container,
  path: 'changes',
  validateSearch: ({ instruction }: Record<string, unknown>): { instruction?: string } =>
    typeof instruction === 'string' ? { instruction } : {},
  component: lazyPage(() => import('../container/changes/changes-tab.tsx'), 'ChangesTab'),
});

const files = createRoute({
  getParentRoute: () => container,
  path: 'files',
  validateSearch: readFilesSearch,
  component: lazyPage(() => import('../container/files/files-tab.tsx'), 'FilesTab'),
});

const ports = createRoute({
  getParentRoute: () => container,
  path: 'ports',
  component: lazyPage(() => import('../container/ports/ports-tab.tsx'), 'PortsTab'),
});

const metrics = createRoute({
  getParentRoute: () => container,
  path: 'metrics',
  component: lazyPage(() => import('../container/metrics/metrics-tab.tsx'), 'MetricsTab'),
});

const settings = createRoute({
  getParentRoute: () => container,
  path: 'settings',
  component: lazyPage(() => import('../container/settings/settings-tab.tsx'), 'SettingsTab'),
});

const admin = createRoute({
  getParentRoute: () => signedIn,
  path: 'admin',
  component: lazyPage(() => import('../admin/admin-page.tsx'), 'AdminPage'),
});

const adminPages = [
  createRoute({
    getParentRoute: () => admin,
    path: '/',
    component: lazyPage(() => import('../admin/admin-page.tsx'), 'AdminStart'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'projects',
    component: lazyPage(() => import('../admin/projects-page.tsx'), 'ProjectsPage'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'projects/$id',
    component: lazyPage(() => import('../admin/project-page.tsx'), 'ProjectPage'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'users',
    component: lazyPage(() => import('../admin/users-page.tsx'), 'UsersPage'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'keys',
    component: lazyPage(() => import('../admin/keys-page.tsx'), 'KeysPage'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'audit',
    validateSearch: readFilters,
    component: lazyPage(() => import('../admin/audit-page.tsx'), 'AuditPage'),
  }),
  createRoute({
    getParentRoute: () => admin,
    path: 'health',
    component: lazyPage(() => import('../admin/health-page.tsx'), 'HealthPage'),
  }),
] as const;

const routeTree = root.addChildren([
  welcome,
  signedIn.addChildren([
    containers,
    newContainer,
    inbox,
    container.addChildren([agent, changes, terminal, files, ports, metrics, logs, settings]),
    admin.addChildren(adminPages),
  ]),
]);

export const router = createRouter({
  routeTree,
  defaultPreload: 'intent',
  defaultErrorComponent: PageFailure,
  scrollRestoration: true,
});

function NotFound() {
  return <Empty title="Page not found" text="There is nothing at this address." actions={<a href="/">Containers</a>} />;
}

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
