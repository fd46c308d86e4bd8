import type { ContainerStatus } from '../api/types.ts';
import { classes } from '../ui/classes.ts';
import styles from './status-badge.module.css';

const LOOKS: Record<ContainerStatus, keyof typeof styles> = {
  running: 'running',
  stopped: 'stopped',
  failed: 'failed',
  missing: 'failed',
  queued: 'busy',
  creating: 'busy',
  starting: 'busy',
  cloning: 'busy',
  stopping: 'busy',
  deleting: 'busy',
};

export function StatusBadge({ status }: { status: ContainerStatus }) {
  return (
    <span className={classes(styles.badge, styles[LOOKS[status]])}>
      <span className={styles.dot} aria-hidden />
      {status}
    </span>
  );
}
