import { useId } from 'react';
import { classes } from './classes.ts';
import styles from './meter.module.css';

interface MeterProps {
  label: string;
  used: number;
  /** null when there is none. */
  limit: number | null;
  format: (value: number) => string;
}

const NEARLY_FULL = 0.9;

/** How much of a limit is used, as a bar and in words. */
export function Meter({ label, used, limit, format }: MeterProps) {
  const id = useId();
  const share = limit === null || limit === 0 ? 0 : Math.min(used / limit, 1);
  const text = limit === null ? format(used) : `${format(used)} of ${format(limit)}`;
  return (
    <div className={styles.meter}>
      <span className={styles.label} id={id}>
        {label}
      </span>
      <span className={styles.value}>{text}</span>
      {limit !== null && (
        <div
          className={styles.track}
          role="meter"
          aria-labelledby={id}
          aria-valuemin={0}
          aria-valuemax={limit}
          aria-valuenow={Math.min(used, limit)}
          aria-valuetext={text}
        >
          <div
            className={classes(styles.fill, share >= NEARLY_FULL && styles.full)}
            style={{ width: `${share * 100}%` }}
          />
        </div>
      )}
    </div>
  );
}
