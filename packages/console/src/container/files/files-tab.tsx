import { getRouteApi, Link } from '@tanstack/react-router';
import { type DragEvent, useRef, useState } from 'react';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { DownloadIcon, PlusIcon, UploadIcon } from '../../ui/icons.tsx';
import { Loading, Spinner } from '../../ui/loading.tsx';
import { showFailure } from '../../ui/toasts.tsx';
import { useThisContainer } from '../container-context.ts';
import { FileList } from './file-list.tsx';
import { FileView } from './file-view.tsx';
import styles from './files.module.css';
import { NewFileForm } from './new-file-form.tsx';
import { nameOf, parentOf, trailOf } from './paths.ts';
import { downloadArchive, useDirectory, useUpload } from './use-files.ts';

const route = getRouteApi('/signed-in/containers/$name/files');

/** The files of the workspace. */
export function FilesTab() {
  const { name, status } = useThisContainer();
  if (status !== 'running') return <Empty title={`${name} does not run`} text="Start it to see its files." />;
  return <Files />;
}

function Files() {
  const { id, name } = useThisContainer();
  const { file, dir = file === undefined ? '' : parentOf(file) } = route.useSearch();
  const navigate = route.useNavigate();
  const { data: entries, error, refetch } = useDirectory(id, dir);
  const upload = useUpload(id, dir);
  const [isNaming, setIsNaming] = useState(false);
  const [isOver, setIsOver] = useState(false);
  const show = (next: { dir?: string; file?: string }): void => void navigate({ search: next });
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setIsOver(false);
    if (event.dataTransfer.files.length > 0) upload.mutate([...event.dataTransfer.files]);
  };
  return (
    <div className={styles.page}>
      <div
        className={classes(styles.side, isOver && styles.over)}
        onDrop={drop}
        onDragOver={(event) => {
          event.preventDefault();
          setIsOver(true);
        }}
        onDragLeave={() => setIsOver(false)}
      >
        <Toolbar
          directory={dir}
          isUploading={upload.isPending}
          onUpload={(files) => upload.mutate(files)}
          onNew={() => setIsNaming(!isNaming)}
        />
        {isNaming && (
          <NewFileForm
            containerId={id}
            directory={dir}
            onClose={() => setIsNaming(false)}
            onMade={(path) => {
              setIsNaming(false);
              show({ dir, file: path });
            }}
          />
        )}
        <nav className={styles.trail} aria-label="Directory">
          <Link to="/containers/$name/files" params={{ name }} search={{}}>
            workspace
          </Link>
          {trailOf(dir).map(({ name: part, path }) => (
            <span key={path}>
              {' / '}
              <Link to="/containers/$name/files" params={{ name }} search={{ dir: path }}>
                {part}
              </Link>
            </span>
          ))}
        </nav>
        {entries === undefined &&
          (error === null ? <Loading /> : <Failure error={error} onRetry={() => void refetch()} />)}
        {entries !== undefined && (
          <FileList
            entries={entries}
            directory={dir}
            opened={file}
            onRemoved={(path) => file === path && show(dir === '' ? {} : { dir })}
          />
        )}
      </div>
      <div className={styles.main}>
        {file === undefined ? (
          <Empty title="No file is open" text="Choose one on the left, or drop files there to upload them." />
        ) : (
          <FileView key={file} containerId={id} path={file} />
        )}
      </div>
    </div>
  );
}

interface ToolbarProps {
  directory: string;
  isUploading: boolean;
  onUpload: (files: File[]) => void;
  onNew: () => void;
}

function Toolbar({ directory, isUploading, onUpload, onNew }: ToolbarProps) {
  const { id, name } = useThisContainer();
  const input = useRef<HTMLInputElement>(null);
  const download = (): void => {
    downloadArchive(id, directory, directory === '' ? name : nameOf(directory)).catch((error: unknown) =>
      showFailure('The download failed', error),
    );
  };
  return (
    <div className={styles.bar}>
      <Button onClick={onNew}>
        <PlusIcon size={14} />
        New file
      </Button>
      <Button onClick={() => input.current?.click()} disabled={isUploading}>
        {isUploading ? <Spinner /> : <UploadIcon size={14} />}
        Upload
      </Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={({ target }) => {
          onUpload([...(target.files ?? [])]);
          target.value = '';
        }}
      />
      <Button isIcon aria-label="Download the directory" title="Download the directory" onClick={download}>
        <DownloadIcon size={14} />
      </Button>
    </div>
  );
}
