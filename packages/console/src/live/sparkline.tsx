import { SERIES_LENGTH } from './metrics-store.ts';
import { linePoints } from './series.ts';
import styles from './sparkline.module.css';

const WIDTH = 64;
const HEIGHT = 18;

/** The course of a figure beside its value, which says it in words. */
export function Sparkline({ values, max }: { values: readonly number[]; max: number }) {
  return (
    <svg className={styles.line} width={WIDTH} height={HEIGHT} aria-hidden>
      <polyline points={linePoints(values, { width: WIDTH, height: HEIGHT, max, length: SERIES_LENGTH })} />
    </svg>
  );
}
