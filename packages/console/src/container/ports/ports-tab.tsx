import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, must } from '../../api/client.ts';
import { useMay } from '../../session/me.ts';
import { Button } from '../../ui/button.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Failure } from '../../ui/failure.tsx';
import { ExternalIcon } from '../../ui/icons.tsx';
import { InputField } from '../../ui/input-field.tsx';
import { Loading } from '../../ui/loading.tsx';
import { useThisContainer } from '../container-context.ts';
import { useOpenLink } from '../use-open-link.ts';
import { LISTENING_SCRIPT, parseListening } from './listening.ts';
import styles from './ports.module.css';

async function readListening(id: string) {
  const command = ['sh', '-c', LISTENING_SCRIPT];
  const body = { command, cwd: '/', encoding: 'utf8', timeoutSeconds: 20, maxOutputBytes: 1_000_000 } as const;
  const answer = api.POST('/api/containers/{id}/exec', { params: { path: { id } }, body: { ...body, command } });
  return parseListening((await must(answer)).stdout);
}

/** What listens in the container, and previews of it. */
export function PortsTab() {
  const { id, name, status, projectId } = useThisContainer();
  const may = useMay();
  const [asLocalhost, setAsLocalhost] = useState(false);
  const isRunning = status === 'running';
  const mayLook = may('container:exec', projectId);
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['ports', id],
    queryFn: () => readListening(id),
    enabled: isRunning && mayLook,
    refetchOnWindowFocus: false,
    staleTime: 0,
    retry: false,
  });
  const open = useOpenLink(`The preview of ${name} cannot be opened`);
  const preview = (port: number): void =>
    open.mutate(async () => {
      const query = asLocalhost ? ({ host: 'localhost' } as const) : {};
      const params = { path: { id, port }, query };
      return (await must(api.POST('/api/containers/{id}/ports/{port}/preview', { params }))).url;
    });
  if (!isRunning) return <Empty title={`${name} does not run`} text="Start it to open what it serves." />;
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <h2>What listens</h2>
        {mayLook && (
          <Button onClick={() => void refetch()} disabled={isFetching}>
            Look again
          </Button>
        )}
      </div>
      {mayLook && data === undefined && (error === null ? <Loading /> : <Failure error={error} />)}
      {data?.length === 0 && <p className={styles.note}>No program listens on a port.</p>}
      {data !== undefined && data.length > 0 && (
        <ul className={styles.list} aria-label="Ports">
          {data.map(({ port, program }) => (
            <li key={port} className={styles.port}>
              <strong>{port}</strong>
              <code className={styles.program} title={program ?? undefined}>
                {program}
              </code>
              <Button onClick={() => preview(port)} aria-label={`Open port ${port}`} disabled={open.isPending}>
                <ExternalIcon size={14} />
                Open
              </Button>
            </li>
          ))}
        </ul>
      )}
      <OtherPort onOpen={preview} isPending={open.isPending} />
      <label className={styles.option}>
        <input type="checkbox" checked={asLocalhost} onChange={(event) => setAsLocalhost(event.target.checked)} />
        Ask the program as localhost, for one that refuses other host names
      </label>
    </div>
  );
}

function OtherPort({ onOpen, isPending }: { onOpen: (port: number) => void; isPending: boolean }) {
  const [port, setPort] = useState('');
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (port !== '') onOpen(Number(port));
  };
  return (
    <form className={styles.other} onSubmit={submit}>
      <InputField label="Another port" type="number" min={1} max={65_535} required value={port} onChange={setPort} />
      <Button type="submit" disabled={isPending}>
        Open
      </Button>
    </form>
  );
}
