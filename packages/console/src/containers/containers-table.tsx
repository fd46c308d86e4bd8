import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import type { Container } from '../api/types.ts';
import { watchMetrics } from '../live/metrics-store.ts';
import { classes } from '../ui/classes.ts';
import { ChevronIcon } from '../ui/icons.tsx';
import { ContainerRow } from './container-row.tsx';
import styles from './containers.module.css';
import { readView, type Sort, type View } from './view.ts';

const ROW_HEIGHT = 54;
/** One more is that of the statuses: together 50. */
const MAX_WATCHED = 49;
/** Rows that scroll past are not watched. */
const SETTLE_MS = 150;
const COLUMNS: [string, Sort | null][] = [
  ['Name', 'name'],
  ['Status', 'status'],
  ['Agent', 'agent'],
  ['CPU', 'cpu'],
  ['Memory', 'memory'],
  ['Disk', 'disk'],
  ['Network', null],
];

interface TableProps {
  containers: Container[];
  view: View;
  onChange: (view: View) => void;
}

/** Renders and watches only the rows that can be seen. */
export function ContainersTable({ containers, view, onChange }: TableProps) {
  const scroll = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: containers.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => containers[index]!.id,
    overscan: 6,
  });
  const items = rows.getVirtualItems();
  useWatchedMetrics(items.map(({ index }) => containers[index]!));

  return (
    <div className={styles.table}>
      <div
        className={styles.scroll}
        ref={scroll}
        role="table"
        aria-label="Containers"
        aria-rowcount={containers.length + 1}
      >
        <div role="rowgroup">
          <div className={classes(styles.row, styles.head)} role="row" aria-rowindex={1}>
            {COLUMNS.map(([label, sort]) => (
              <HeadCell key={label} label={label} sort={sort} view={view} onChange={onChange} />
            ))}
            <span role="columnheader">
              <span className="visually-hidden">Actions</span>
            </span>
          </div>
        </div>
        <div role="rowgroup" style={{ height: rows.getTotalSize(), position: 'relative', minWidth: 1060 }}>
          {items.map(({ key, index, start }) => (
            <ContainerRow key={key} container={containers[index]!} top={start} rowIndex={index + 2} />
          ))}
        </div>
      </div>
    </div>
  );
}

interface HeadCellProps {
  label: string;
  sort: Sort | null;
  view: View;
  onChange: (view: View) => void;
}

function HeadCell({ label, sort, view, onChange }: HeadCellProps) {
  if (sort === null) return <span role="columnheader">{label}</span>;
  const isSorted = view.sort === sort;
  const isDescending = isSorted && view.desc === true;
  const toggle = (): void => onChange(readView({ ...view, sort, desc: isSorted && !isDescending }));
  return (
    <span role="columnheader" aria-sort={isSorted ? (isDescending ? 'descending' : 'ascending') : 'none'}>
      <button
        type="button"
        className={classes(styles.sort, isDescending && styles.up)}
        aria-pressed={isSorted}
        onClick={toggle}
      >
        {label}
        {isSorted && <ChevronIcon size={12} />}
      </button>
    </span>
  );
}

function useWatchedMetrics(visible: Container[]): void {
  const ids = visible
    .filter(({ status }) => status === 'running')
    .slice(0, MAX_WATCHED)
    .map(({ id }) => id);
  const watched = useRef(new Map<string, () => void>());
  useEffect(() => {
    const current = watched.current;
    const change = (): void => {
      for (const [id, stop] of current) {
        if (ids.includes(id)) continue;
        stop();
        current.delete(id);
      }
      for (const id of ids) if (!current.has(id)) current.set(id, watchMetrics(id));
    };
    const timer = setTimeout(change, current.size === 0 ? 0 : SETTLE_MS);
    return () => clearTimeout(timer);
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [ids.join()]);
  useEffect(() => {
    const current = watched.current;
    return () => {
      for (const stop of current.values()) stop();
      current.clear();
    };
  }, []);
}
