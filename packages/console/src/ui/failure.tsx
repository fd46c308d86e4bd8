import { messageOf } from '../api/api-error.ts';
import { Button } from './button.tsx';
import styles from './empty.module.css';

/** An error in the place of what could not be loaded. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div className={styles.box} role="alert">
      <p className={styles.title}>This could not be loaded</p>
      <p className={styles.text}>{messageOf(error)}</p>
      {onRetry !== undefined && (
        <div className={styles.actions}>
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  );
}
