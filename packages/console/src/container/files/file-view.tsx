import { useMutation } from '@tanstack/react-query';
import { useBlocker } from '@tanstack/react-router';
import { Suspense, useState } from 'react';
import { Button, buttonClass } from '../../ui/button.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { formatBytes } from '../../ui/format.ts';
import { DownloadIcon } from '../../ui/icons.tsx';
import { lazyPart } from '../../ui/load-script.ts';
import { Loading } from '../../ui/loading.tsx';
import { showFailure } from '../../ui/toasts.tsx';
import styles from './files.module.css';
import { filesUrl, nameOf } from './paths.ts';
import { isOtherVersion, useFile, writeFile } from './use-files.ts';

const CodeEditor = lazyPart(() => import('./code-editor.tsx'));

interface FileViewProps {
  containerId: string;
  path: string;
}

export function FileView({ containerId, path }: FileViewProps) {
  const { data, error, refetch } = useFile(containerId, path);
  if (error !== null) return <Failure error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Loading />;
  if (data.kind === 'directory') return <Empty title="This is a directory" />;
  if (data.kind === 'text')
    return (
      <TextFile
        key={data.etag}
        containerId={containerId}
        path={path}
        text={data.text}
        etag={data.etag}
        onReload={() => void refetch()}
      />
    );
  return (
    <Empty
      title={data.kind === 'large' ? 'Too large to show here' : 'Not a text'}
      text={`${nameOf(path)} has ${formatBytes(data.bytes)}.`}
      actions={<DownloadLink containerId={containerId} path={path} />}
    />
  );
}

function DownloadLink({ containerId, path }: FileViewProps) {
  return (
    <a className={buttonClass()} href={filesUrl(containerId, path)} download={nameOf(path)}>
      <DownloadIcon size={14} />
      Download
    </a>
  );
}

interface TextFileProps extends FileViewProps {
  text: string;
  etag: string | null;
  onReload: () => void;
}

function TextFile({ containerId, path, text, etag, onReload }: TextFileProps) {
  const [current, setCurrent] = useState(text);
  const [saved, setSaved] = useState({ text, etag });
  const isChanged = current !== saved.text;
  const save = useMutation({
    mutationFn: async (version: string) => {
      const written = await writeFile(containerId, { path, content: current, version });
      setSaved({ text: current, etag: written });
    },
    onError: (error) => {
      if (!isOtherVersion(error)) showFailure(`${nameOf(path)} was not saved`, error);
    },
  });
  useBlocker({
    // oxlint-disable-next-line no-alert
    shouldBlockFn: () => isChanged && !window.confirm(`Leave ${nameOf(path)} without saving it?`),
    enableBeforeUnload: isChanged,
  });
  const store = (version = saved.etag ?? '*'): void => {
    if (isChanged && !save.isPending) save.mutate(version);
  };
  return (
    <>
      <div className={styles.bar}>
        <span className={styles.path} title={path}>
          {path}
        </span>
        <span className={styles.note} role="status">
          {isChanged ? 'changed' : save.isSuccess ? 'saved' : ''}
        </span>
        <Button look="primary" disabled={!isChanged || save.isPending} onClick={() => store()}>
          Save
        </Button>
        <DownloadLink containerId={containerId} path={path} />
      </div>
      {isOtherVersion(save.error) && (
        <div className={styles.conflict} role="alert">
          <span>It has changed in the container since it was opened.</span>
          <Button onClick={() => store('*')}>Replace it</Button>
          <Button onClick={onReload}>Discard my text</Button>
        </div>
      )}
      <Suspense fallback={<Loading />}>
        <CodeEditor name={nameOf(path)} text={text} onChange={setCurrent} onSave={() => store()} />
      </Suspense>
    </>
  );
}
