import type { Container } from '../api/types.ts';
import styles from './job-progress.module.css';

export function isInProgress({ job }: Container): boolean {
  return job !== null && (job.state === 'active' || job.state === 'queued');
}

/** How far the setting up of a container is, in the words of what works on it. */
export function JobProgress({ container }: { container: Container }) {
  const { job, statusReason, name } = container;
  if (job !== null && isInProgress(container)) {
    return (
      <span className={styles.job}>
        <span className={styles.text}>{job.message ?? job.step ?? 'waiting for its turn'}</span>
        <span
          className={styles.track}
          role="progressbar"
          aria-label={`Progress of ${name}`}
          aria-valuenow={Math.round(job.progress)}
        >
          <span className={styles.fill} style={{ display: 'block', width: `${job.progress}%` }} />
        </span>
      </span>
    );
  }
  if (statusReason !== null)
    return (
      <span className={styles.reason} title={statusReason.message}>
        {statusReason.message}
      </span>
    );
  return null;
}
