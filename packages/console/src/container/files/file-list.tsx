import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { ConfirmDialog } from '../../ui/confirm-dialog.tsx';
import { formatBytes } from '../../ui/format.ts';
import { FileIcon, FolderIcon, TrashIcon } from '../../ui/icons.tsx';
import { useThisContainer } from '../container-context.ts';
import styles from './files.module.css';
import { type FileEntry, join, sorted } from './paths.ts';
import { useRemove } from './use-files.ts';

interface FileListProps {
  entries: readonly FileEntry[];
  directory: string;
  opened: string | undefined;
  onRemoved: (path: string) => void;
}

export function FileList({ entries, directory, opened, onRemoved }: FileListProps) {
  const { name: container } = useThisContainer();
  const [removed, setRemoved] = useState<string | null>(null);
  if (entries.length === 0) return <p className={styles.empty}>This directory is empty.</p>;
  return (
    <ul className={styles.entries} aria-label="Files">
      {sorted(entries).map(({ name, type, size, target }) => {
        const path = join(directory, name);
        const isDirectory = type === 'directory';
        return (
          <li key={name} className={classes(styles.entry, path === opened && styles.opened)}>
            <Link
              to="/containers/$name/files"
              params={{ name: container }}
              search={isDirectory ? { dir: path } : { ...(directory !== '' && { dir: directory }), file: path }}
              className={styles.name}
              title={target === undefined ? name : `${name} → ${target}`}
            >
              {isDirectory ? <FolderIcon size={14} /> : <FileIcon size={14} />}
              <span>{name}</span>
            </Link>
            {type === 'file' && <span className={styles.note}>{formatBytes(size)}</span>}
            <Button look="quiet" isIcon aria-label={`Delete ${name}`} onClick={() => setRemoved(path)}>
              <TrashIcon size={14} />
            </Button>
          </li>
        );
      })}
      {removed !== null && (
        <RemoveDialog path={removed} onClose={() => setRemoved(null)} onRemoved={() => onRemoved(removed)} />
      )}
    </ul>
  );
}

function RemoveDialog({ path, onClose, onRemoved }: { path: string; onClose: () => void; onRemoved: () => void }) {
  const { id } = useThisContainer();
  const remove = useRemove(id);
  return (
    <ConfirmDialog
      title={`Delete ${path}?`}
      text="A directory is deleted with everything in it. This cannot be undone."
      action="Delete"
      isPending={remove.isPending}
      onConfirm={() => remove.mutate(path, { onSuccess: onRemoved, onSettled: onClose })}
      onClose={onClose}
    />
  );
}
