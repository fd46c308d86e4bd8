import { getRouteApi, Link, Outlet, useNavigate } from '@tanstack/react-router';
import { ApiError } from '../api/api-error.ts';
import type { Container } from '../api/types.ts';
import { AgentBadge } from '../containers/agent-badge.tsx';
import { JobProgress, isInProgress } from '../containers/job-progress.tsx';
import { RowActions } from '../containers/row-actions.tsx';
import { StatusBadge } from '../containers/status-badge.tsx';
import { useContainer } from '../containers/use-containers.ts';
import { type Permission, useMay } from '../session/me.ts';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { useTitle } from '../ui/use-title.ts';
import { ContainerContext } from './container-context.ts';
import styles from './container.module.css';
import { EditorButton } from './editor-button.tsx';

const tab = <Path extends string>(to: Path, label: string, permission: Permission, rest: Partial<TabOptions> = {}) => ({
  to,
  label,
  permission,
  isExact: false,
  isForAgents: false,
  ...rest,
});

interface TabOptions {
  isExact: boolean;
  /** Whether it is for containers with Claude Code alone. */
  isForAgents: boolean;
}

const TABS = [
  tab('/containers/$name', 'Agent', 'instruction:read', { isExact: true, isForAgents: true }),
  tab('/containers/$name/changes', 'Changes', 'instruction:read'),
  tab('/containers/$name/terminal', 'Terminal', 'container:terminal'),
  tab('/containers/$name/files', 'Files', 'container:files'),
  tab('/containers/$name/ports', 'Ports', 'container:editor'),
  tab('/containers/$name/metrics', 'Metrics', 'container:read'),
  tab('/containers/$name/logs', 'Logs', 'container:read'),
  tab('/containers/$name/settings', 'Settings', 'container:read'),
];

const route = getRouteApi('/signed-in/containers/$name');

export function ContainerPage() {
  const { name } = route.useParams();
  const { data: container, error, failureReason, refetch } = useContainer(name);
  useTitle(name);
  if (container !== undefined) return <LoadedPage container={container} />;
  if (error instanceof ApiError && error.status === 404)
    return (
      <Empty
        title={`There is no container ${name}`}
        text="It may have been deleted, or belong to a project that you are not a member of."
        actions={<Link to="/">All containers</Link>}
      />
    );
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  return <Loading label={failureReason === null ? 'Loading' : 'Waiting for DevForge'} />;
}

function LoadedPage({ container }: { container: Container }) {
  const { name, status, agent, template, mode, projectId, repoUrl, repoBranch } = container;
  const may = useMay();
  const navigate = useNavigate();
  const params = { name };
  return (
    <ContainerContext value={container}>
      <div className={styles.page}>
        <div className={styles.head}>
          <div className={styles.title}>
            <h1>{name}</h1>
            <StatusBadge status={status} />
          </div>
          <span className={styles.facts}>
            {[template, mode, repoUrl, repoBranch].filter((fact) => fact !== null).join(' · ')}
          </span>
          <span className={styles.space} />
          {status === 'running' && <AgentBadge agent={agent} />}
          <div className={styles.actions}>
            {template !== 'claude' && status === 'running' && may('container:editor', projectId) && (
              <EditorButton id={container.id} name={name} />
            )}
            <RowActions container={container} onDeleted={() => void navigate({ to: '/' })} />
          </div>
        </div>
        <nav className={styles.tabs} aria-label={`Parts of ${name}`}>
          {TABS.filter((tab) => may(tab.permission, projectId) && !(tab.isForAgents && template === 'vscode')).map(
            ({ to, label, isExact }) => (
              <Link
                key={to}
                to={to}
                params={params}
                className={styles.tab}
                activeOptions={{ exact: isExact, includeSearch: false }}
              >
                {label}
              </Link>
            ),
          )}
        </nav>
        {(isInProgress(container) || (container.statusReason !== null && status !== 'running')) && (
          <div className={styles.progress}>
            <JobProgress container={container} />
          </div>
        )}
        <div className={styles.body}>
          <Outlet />
        </div>
      </div>
    </ContainerContext>
  );
}
