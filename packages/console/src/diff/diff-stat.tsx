import styles from './diff.module.css';

export function DiffStat({ added, removed }: { added: number; removed: number }) {
  return (
    <span className={styles.stat}>
      <span className={styles.plus}>+{added}</span> <span className={styles.minus}>−{removed}</span>
    </span>
  );
}
