import { useRef } from 'react';
import { DiffStat } from '../../diff/diff-stat.tsx';
import { Hunks } from '../../diff/hunks.tsx';
import type { FileDiff } from '../../diff/patch.ts';
import { ChevronRightIcon } from '../../ui/icons.tsx';
import styles from './changes.module.css';

/** With more files than this they are folded at first. */
const OPEN_FILES = 40;
const CHANGES: Record<FileDiff['change'], string> = { added: 'new', removed: 'removed', moved: 'moved', changed: '' };

export function ChangedFiles({ files }: { files: readonly FileDiff[] }) {
  const list = useRef<HTMLDivElement>(null);
  const show = (index: number): void => {
    const file = list.current?.children[index];
    if (!(file instanceof HTMLDetailsElement)) return;
    file.open = true;
    file.scrollIntoView({ block: 'start' });
    file.querySelector('summary')?.focus({ preventScroll: true });
  };
  return (
    <div className={styles.files}>
      <nav className={styles.list} aria-label="Changed files">
        {files.map(({ path, added, removed }, index) => (
          <button key={path} type="button" className={styles.entry} title={path} onClick={() => show(index)}>
            <span className={styles.path}>
              <bdi>{path}</bdi>
            </span>
            <DiffStat added={added} removed={removed} />
          </button>
        ))}
      </nav>
      <div className={styles.diffs} ref={list}>
        {files.map((file) => (
          <details key={file.path} className={styles.file} open={files.length <= OPEN_FILES}>
            <summary>
              <span className={styles.chevron}>
                <ChevronRightIcon size={12} />
              </span>
              <span className={styles.name}>
                {file.movedFrom !== null && `${file.movedFrom} → `}
                {file.path}
              </span>
              {CHANGES[file.change] !== '' && <span className="note">{CHANGES[file.change]}</span>}
              <DiffStat added={file.added} removed={file.removed} />
            </summary>
            {file.hunks.length > 0 ? (
              <Hunks hunks={file.hunks} label={`Changes of ${file.path}`} />
            ) : (
              <p className={styles.none}>{file.isBinary ? 'Not a text' : 'No line has changed'}</p>
            )}
          </details>
        ))}
      </div>
    </div>
  );
}
