import { getRouteApi, Link } from '@tanstack/react-router';
import { useMemo } from 'react';
import type { Container } from '../api/types.ts';
import { latestMetrics } from '../live/metrics-store.ts';
import { useMay, useMe } from '../session/me.ts';
import { buttonClass } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { PlusIcon } from '../ui/icons.tsx';
import { Loading } from '../ui/loading.tsx';
import { useTitle } from '../ui/use-title.ts';
import { ContainersTable } from './containers-table.tsx';
import { ContainersToolbar } from './containers-toolbar.tsx';
import styles from './containers.module.css';
import { useContainers } from './use-containers.ts';
import { applyView, isFiltered, type View } from './view.ts';

const route = getRouteApi('/signed-in/');

/** What every agent does, at a glance. */
export function ContainersPage() {
  const me = useMe();
  const view = route.useSearch();
  const navigate = route.useNavigate();
  const { data: all, error, failureReason, refetch } = useContainers();
  const shown = useMemo(() => applyView((all ?? []).map(withLiveMetrics), view), [all, view]);
  const change = (next: View): void => void navigate({ search: next, replace: true });
  useTitle('Containers');

  if (me.kind !== 'administrator' && me.projects.length === 0)
    return (
      <Empty
        title="You are in no project yet"
        text="An owner of a project or an administrator adds you to one; then its containers are here."
      />
    );
  if (error !== null && all === undefined) return <Failure error={error} onRetry={() => void refetch()} />;
  if (all === undefined) return <Loading label={failureReason === null ? 'Loading' : 'Waiting for DevForge'} />;
  return (
    <div className={styles.page}>
      <ContainersToolbar view={view} onChange={change} shown={shown.length} total={all.length} />
      {all.length === 0 && <NoContainers />}
      {all.length > 0 && shown.length === 0 && (
        <Empty title="No container matches" text="Search for something else, or take the filters away." />
      )}
      {shown.length > 0 && <ContainersTable containers={shown} view={view} onChange={change} />}
      {isFiltered(view) && <span className="visually-hidden" role="status">{`${shown.length} containers shown`}</span>}
    </div>
  );
}

function NoContainers() {
  const may = useMay();
  return (
    <Empty
      title="No containers yet"
      text="A container is a workspace of its own, with Claude Code, VS Code or both, and with your repository in it."
      actions={
        may('container:create') && (
          <Link to="/new" className={buttonClass({ look: 'primary' })}>
            <PlusIcon />
            New container
          </Link>
        )
      }
    />
  );
}

/** For sorting: what is shown is read live by each row. */
function withLiveMetrics(container: Container): Container {
  const live = latestMetrics(container.id);
  return live === null ? container : { ...container, metrics: live as Container['metrics'] };
}
