import { Link } from '@tanstack/react-router';
import { memo } from 'react';
import type { Container } from '../api/types.ts';
import { useLatestMetrics, useSeries } from '../live/metrics-store.ts';
import { Sparkline } from '../live/sparkline.tsx';
import { useProjectName } from '../session/me.ts';
import { classes } from '../ui/classes.ts';
import { formatBytes, formatMiB, formatPercent } from '../ui/format.ts';
import { AgentBadge } from './agent-badge.tsx';
import styles from './containers.module.css';
import { isInProgress, JobProgress } from './job-progress.tsx';
import { RowActions } from './row-actions.tsx';
import { StatusBadge } from './status-badge.tsx';

interface RowProps {
  container: Container;
  top: number;
  rowIndex: number;
}

export const ContainerRow = memo(function ContainerRow({ container, top, rowIndex }: RowProps) {
  const { name, status, agent } = container;
  const isRunning = status === 'running';
  const project = useProjectName(container.projectId);
  const content = container.repoUrl === null ? container.template : repositoryOf(container);
  return (
    <div
      className={styles.row}
      role="row"
      aria-rowindex={rowIndex}
      style={{ position: 'absolute', top: 0, width: '100%', transform: `translateY(${top}px)` }}
    >
      <span role="cell" className={styles.name}>
        <Link to="/containers/$name" params={{ name }}>
          {name}
        </Link>
        <span className={styles.sub} title={container.repoUrl ?? undefined}>
          {[project, content].filter((text) => text !== null).join(' · ')}
        </span>
      </span>
      <span role="cell" className={styles.cell}>
        <StatusBadge status={status} />
      </span>
      <span role="cell" className={styles.cell}>
        {isRunning && !isInProgress(container) ? <AgentBadge agent={agent} /> : <JobProgress container={container} />}
      </span>
      {isRunning ? <Figures container={container} /> : <span role="cell" className={styles.wide} />}
      <span role="cell" className={styles.actions}>
        <RowActions container={container} />
      </span>
    </div>
  );
});

function Figures({ container: { id, metrics: stored, cpuLimit, memoryLimit } }: { container: Container }) {
  const metrics = useLatestMetrics(id) ?? stored ?? null;
  const [cpu, memory, network] = [useSeries(id, 'cpu'), useSeries(id, 'memory'), useSeries(id, 'network')];
  if (metrics === null) {
    return (
      <span role="cell" className={classes(styles.wide, styles.dash)}>
        —
      </span>
    );
  }
  const { disk } = metrics;
  const traffic = metrics.network.rxBytesPerSecond + metrics.network.txBytesPerSecond;
  return (
    <>
      <span role="cell" className={styles.figure}>
        <span>{formatPercent(metrics.cpu.percent)}</span>
        <Sparkline values={cpu} max={cpuLimit * 100} />
      </span>
      <span role="cell" className={styles.figure}>
        <span>{formatMiB(metrics.memory.usedMB)}</span>
        <Sparkline values={memory} max={memoryLimit} />
      </span>
      <span role="cell" className={classes(styles.disk, (disk.percent ?? 0) > 90 && styles.full)}>
        <span>{disk.usedMB === null ? '—' : formatMiB(disk.usedMB)}</span>
        <span className={styles.track} aria-hidden>
          <span className={styles.fill} style={{ width: `${Math.min(disk.percent ?? 0, 100)}%` }} />
        </span>
      </span>
      <span role="cell" className={styles.figure}>
        <span>{formatBytes(traffic)}/s</span>
        <Sparkline values={network} max={10_000} />
      </span>
    </>
  );
}

/** `shop · main` */
function repositoryOf({ repoUrl, repoBranch }: Container): string {
  const path = (repoUrl ?? '')
    .replace(/^\w+:\/\/[^/]*|^[^/]*:/, '')
    .replace(/\.git$/, '')
    .split('/')
    .filter(Boolean)
    .slice(-2)
    .join('/');
  return repoBranch === null ? path : `${path} · ${repoBranch}`;
}
