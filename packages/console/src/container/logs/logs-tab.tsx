import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { Empty } from '../../ui/empty.tsx';
import { inputClass } from '../../ui/field.tsx';
import { formatTime } from '../../ui/format.ts';
import { DownloadIcon, PauseIcon, PlayIcon } from '../../ui/icons.tsx';
import { Loading } from '../../ui/loading.tsx';
import { useThisContainer } from '../container-context.ts';
import { AnsiText } from './ansi-text.tsx';
import { asFile, filterLines, type NumberedLine } from './log-buffer.ts';
import styles from './logs.module.css';
import { useLog } from './use-log.ts';

const LINE_HEIGHT = 18;

export function LogsTab() {
  const { id, name } = useThisContainer();
  const [isPaused, setIsPaused] = useState(false);
  const [search, setSearch] = useState('');
  const log = useLog(id, isPaused);
  const lines = useMemo(() => filterLines(log?.lines ?? [], search), [log, search]);
  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        <input
          type="search"
          className={classes(inputClass, styles.search)}
          placeholder="Search"
          aria-label="Search the log"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <Button onClick={() => setIsPaused(!isPaused)}>
          {isPaused ? <PlayIcon size={14} /> : <PauseIcon size={14} />}
          {isPaused ? 'Continue' : 'Pause'}
        </Button>
        <Button onClick={() => download(`${name}.log`, asFile(lines))} disabled={lines.length === 0}>
          <DownloadIcon size={14} />
          Download
        </Button>
        <span className={styles.space} />
        <span className="note" role="status">
          {isPaused ? 'Paused' : (log?.notice ?? '')}
        </span>
      </div>
      {log === null && <Loading />}
      {log !== null && lines.length === 0 && (
        <Empty
          title={search === '' ? 'The log is empty' : 'No line matches'}
          text="What the container prints appears here."
        />
      )}
      {lines.length > 0 && <Lines lines={lines} />}
    </div>
  );
}

/** Follows the end, unless the person has scrolled up. */
function Lines({ lines }: { lines: readonly NumberedLine[] }) {
  const scroll = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 20,
  });
  useEffect(() => {
    if (isAtEnd.current) rows.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [lines, rows]);
  const note = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = scroll.current!;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 4 * LINE_HEIGHT;
  };
  return (
    <div
      className={styles.scroll}
      ref={scroll}
      onScroll={note}
      tabIndex={0}
      role="log"
      aria-label="Log"
      aria-live="off"
    >
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {rows.getVirtualItems().map(({ index, start }) => {
          const { number, timestamp, stream, message } = lines[index]!;
          return (
            <div key={number} className={styles.line} style={{ top: start, height: LINE_HEIGHT }}>
              <span className={styles.time}>{formatTime(timestamp)}</span>
              <span className={classes(stream === 'stderr' && styles.stderr)}>
                <AnsiText text={message} />
              </span>
            </div>
          );
        })}
      </div>
    </div>
  );
}

function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
