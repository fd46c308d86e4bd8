import { Fragment, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import styles from './diff.module.css';
import type { DiffLine, Hunk } from './patch.ts';

/** More lines are shown when they are asked for. */
const SHOWN_LINES = 600;
const SIGNS: Record<DiffLine['kind'], string> = { added: '+', removed: '−', context: ' ' };

/** Lines before and after. The sign says what colour says. */
export function Hunks({ hunks, label }: { hunks: readonly Hunk[]; label: string }) {
  const [isWhole, setIsWhole] = useState(false);
  const count = hunks.reduce((sum, { lines }) => sum + lines.length, 0);
  let left = isWhole ? Infinity : SHOWN_LINES;
  return (
    <div className={styles.hunks} tabIndex={0} role="region" aria-label={label}>
      <div className={styles.lines}>
        {hunks.map(({ heading, lines }, index) => {
          const shown = lines.slice(0, Math.max(0, left));
          left -= shown.length;
          if (shown.length === 0) return null;
          return (
            <Fragment key={index}>
              {(index > 0 || heading !== '') && <div className={styles.heading}>{heading === '' ? '⋯' : heading}</div>}
              {shown.map((line, at) => (
                <Line key={at} line={line} />
              ))}
            </Fragment>
          );
        })}
      </div>
      {!isWhole && count > SHOWN_LINES && (
        <Button look="quiet" onClick={() => setIsWhole(true)}>{`Show all ${count} lines`}</Button>
      )}
    </div>
  );
}

function Line({ line: { kind, before, after, text } }: { line: DiffLine }) {
  return (
    <div className={classes(styles.line, styles[kind])}>
      <span className={styles.number} aria-hidden>
        {before}
      </span>
      <span className={styles.number} aria-hidden>
        {after}
      </span>
      <span className={styles.sign}>{SIGNS[kind]}</span>
      <span className={styles.text}>{text}</span>
    </div>
  );
}
