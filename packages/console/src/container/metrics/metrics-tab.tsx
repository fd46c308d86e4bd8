import { useQuery } from '@tanstack/react-query';
import { Suspense, useEffect, useMemo, useState } from 'react';
import { api, must } from '../../api/client.ts';
import type { ContainerMetrics } from '../../api/types.ts';
import { useLatestMetrics, watchMetrics } from '../../live/metrics-store.ts';
import { Button } from '../../ui/button.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { lazyPart } from '../../ui/load-script.ts';
import { Loading } from '../../ui/loading.tsx';
import { useThisContainer } from '../container-context.ts';
import { columnsOf, PLOTS } from './history.ts';
import styles from './metrics.module.css';
import type { Range } from './time-plot.tsx';

const TimePlot = lazyPart(() => import('./time-plot.tsx'));
const SPANS: [string, number][] = [
  ['5 min', 300],
  ['15 min', 900],
];

async function readHour(id: string): Promise<ContainerMetrics[]> {
  const params = { path: { id }, query: { window: '1h' } };
  const answer = await must(api.GET('/api/containers/{id}/metrics', { params }));
  return ('points' in answer ? answer.points : []) as ContainerMetrics[];
}

/** What the container has used in the last hour, live. */
export function MetricsTab() {
  const { id, name, status } = useThisContainer();
  const isRunning = status === 'running';
  const { data, error, refetch } = useQuery({
    queryKey: ['metrics', id],
    queryFn: () => readHour(id),
    enabled: isRunning,
    staleTime: 60_000,
  });
  const samples = useLiveSamples(id, data);
  const [range, setRange] = useState<Range>(null);
  const plots = useMemo(() => PLOTS.map((plot) => ({ plot, columns: columnsOf(samples, plot) })), [samples]);
  if (!isRunning) return <Empty title={`${name} does not run`} text="What it uses is shown while it runs." />;
  if (data === undefined)
    return error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />;
  if (samples.length === 0)
    return <Empty title="Nothing was measured yet" text="The first figures appear within seconds." />;
  const end = Date.parse(samples.at(-1)!.timestamp) / 1000;
  return (
    <div className={styles.page}>
      <div className={styles.bar} role="group" aria-label="Time span">
        {SPANS.map(([label, seconds]) => (
          <Button key={label} onClick={() => setRange({ min: end - seconds, max: end })}>
            Last {label}
          </Button>
        ))}
        <Button onClick={() => setRange(null)} disabled={range === null}>
          Whole hour
        </Button>
        <span className="note">Drag over a plot to zoom in, double-click to see everything again.</span>
      </div>
      <Suspense fallback={<Loading />}>
        <div className={styles.plots}>
          {plots.map(({ plot, columns }) => (
            <TimePlot key={plot.title} plot={plot} columns={columns} range={range} onRange={setRange} />
          ))}
        </div>
      </Suspense>
    </div>
  );
}

/** The samples that were read, and those that have come since. */
function useLiveSamples(id: string, read: ContainerMetrics[] | undefined): ContainerMetrics[] {
  useEffect(() => watchMetrics(id), [id]);
  const latest = useLatestMetrics(id);
  const [live, setLive] = useState<ContainerMetrics[]>([]);
  useEffect(() => setLive([]), [id, read]);
  useEffect(() => {
    if (latest !== null) setLive((list) => [...list, latest]);
  }, [latest]);
  return useMemo(() => [...(read ?? []), ...live], [read, live]);
}
