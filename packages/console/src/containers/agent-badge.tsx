import type { Container } from '../api/types.ts';
import { classes } from '../ui/classes.ts';
import { Spinner } from '../ui/loading.tsx';
import styles from './agent-badge.module.css';

/** What the agent of a container does, and what it waits for. */
export function AgentBadge({ agent }: { agent: Container['agent'] }) {
  if (agent === null) return <span className={styles.none}>—</span>;
  const { state, waitingFor } = agent;
  return (
    <span className={styles.agent}>
      <span className={classes(styles.state, styles[state])}>
        {state === 'working' && <Spinner />}
        {state === 'none' ? 'no agent' : state}
      </span>
      {waitingFor !== null && (
        <span className={styles.text} title={waitingFor.text}>
          {waitingFor.tool === null ? waitingFor.text : `${waitingFor.tool}: ${waitingFor.text}`}
        </span>
      )}
    </span>
  );
}
