import styles from './loading.module.css';

export function Loading({ label = 'Loading' }: { label?: string }) {
  return (
    <div className={styles.box} role="status">
      <span className={styles.spinner} aria-hidden />
      {label}…
    </div>
  );
}

export function Spinner() {
  return <span className={styles.spinner} aria-hidden />;
}
