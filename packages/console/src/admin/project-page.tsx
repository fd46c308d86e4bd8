import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { api, must } from '../api/client.ts';
import { useMay } from '../session/me.ts';
import { Failure } from '../ui/failure.tsx';
import { formatMiB, formatUsd } from '../ui/format.ts';
import { Loading } from '../ui/loading.tsx';
import { Meter } from '../ui/meter.tsx';
import { Section } from '../ui/section.tsx';
import { useTitle } from '../ui/use-title.ts';
import styles from './admin.module.css';
import { DeleteProject } from './delete-project.tsx';
import { MembersSection } from './members-section.tsx';
import { QuotasSection } from './quotas-section.tsx';
import { SpendPlot } from './spend-plot.tsx';

const route = getRouteApi('/signed-in/admin/projects/$id');
/** It is always there, and keeps its name. */
const DEFAULT_PROJECT = 'default';
const plain = (value: number): string => value.toLocaleString();
const METERS = [
  ['containers', 'Containers', plain],
  ['running', 'Running containers', plain],
  ['cpu', 'CPU, cores', plain],
  ['memoryMB', 'Memory', formatMiB],
  ['diskMB', 'Disk', formatMiB],
  ['instructions', 'Instructions at once', plain],
  ['snapshotMB', 'Snapshots', formatMiB],
] as const;

export function ProjectPage() {
  const { id } = route.useParams();
  const may = useMay();
  const params = { path: { id } };
  const project = useQuery({
    queryKey: ['project', id],
    queryFn: () => must(api.GET('/api/projects/{id}', { params })),
  });
  const usage = useQuery({
    queryKey: ['project', id, 'usage'],
    queryFn: () => must(api.GET('/api/projects/{id}/usage', { params })),
    refetchInterval: 15_000,
  });
  useTitle(project.data?.name ?? 'Project');
  const error = project.error ?? usage.error;
  if (project.data === undefined || usage.data === undefined) {
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void project.refetch()} />;
  }
  const { name, budgetUsd } = project.data;
  return (
    <>
      <h1>
        <Link to="/admin/projects">Projects</Link> / {name}
      </h1>
      <Section title="Used of its quotas">
        <div className={styles.meters}>
          {METERS.map(([key, label, format]) => (
            <Meter key={key} label={label} {...usage.data[key]} format={format} />
          ))}
          <Meter label="Spent today" used={usage.data.usdToday} limit={budgetUsd.day ?? null} format={formatUsd} />
          <Meter
            label="Spent this month"
            used={usage.data.usdMonth}
            limit={budgetUsd.month ?? null}
            format={formatUsd}
          />
        </div>
      </Section>
      <SpendPlot projectId={id} />
      {may('project:manage') && <QuotasSection key={id} project={project.data} />}
      {may('member:read', id) && <MembersSection projectId={id} mayManage={may('member:manage', id)} />}
      {may('project:manage') && name !== DEFAULT_PROJECT && (
        <DeleteProject id={id} name={name} containers={usage.data.containers.used} />
      )}
    </>
  );
}
