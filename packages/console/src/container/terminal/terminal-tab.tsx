import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must } from '../../api/client.ts';
import { queryClient } from '../../api/query-client.ts';
import { expectOk, socket } from '../../api/socket.ts';
import { Button } from '../../ui/button.tsx';
import { classes } from '../../ui/classes.ts';
import { Empty } from '../../ui/empty.tsx';
import { CloseIcon, PlusIcon } from '../../ui/icons.tsx';
import { Loading } from '../../ui/loading.tsx';
import { showFailure } from '../../ui/toasts.tsx';
import { useThisContainer } from '../container-context.ts';
import { TerminalScreen } from './terminal-screen.tsx';
import styles from './terminal.module.css';

const SIZE = { cols: 80, rows: 24 };

/** Terminals outlive the page: those of before are here again. */
export function TerminalTab() {
  const { id, status, name } = useThisContainer();
  const isRunning = status === 'running';
  const key = ['terminals', id];
  const { data } = useQuery({
    queryKey: key,
    queryFn: () => must(api.GET('/api/containers/{id}/terminals', { params: { path: { id } } })),
    enabled: isRunning,
  });
  const [chosen, setChosen] = useState<string | null>(null);
  if (!isRunning) return <Empty title={`${name} does not run`} text="Start it to open a terminal." />;
  if (data === undefined) return <Loading />;
  const ids = data.items.map(({ terminalId }) => terminalId);
  const selected = chosen !== null && ids.includes(chosen) ? chosen : (ids[0] ?? null);
  const refresh = () => queryClient.invalidateQueries({ queryKey: key });
  const open = async (): Promise<void> => {
    try {
      const { terminalId } = expectOk(await socket.emitWithAck('terminal:open', { containerId: id, ...SIZE }));
      await refresh();
      setChosen(terminalId);
    } catch (error) {
      showFailure('The terminal cannot be opened', error);
    }
  };
  const close = async (terminalId: string): Promise<void> => {
    try {
      await must(api.DELETE('/api/containers/{id}/terminals/{terminalId}', { params: { path: { id, terminalId } } }));
    } catch (error) {
      showFailure('The terminal was not closed', error);
    }
    await refresh();
  };
  return (
    <div className={styles.page}>
      <div className={styles.bar}>
        {ids.map((terminalId, index) => (
          <span key={terminalId} className={classes(styles.tab, terminalId === selected && styles.selected)}>
            <Button look="quiet" aria-pressed={terminalId === selected} onClick={() => setChosen(terminalId)}>
              Terminal {index + 1}
            </Button>
            <Button
              look="quiet"
              isIcon
              aria-label={`Close terminal ${index + 1}`}
              onClick={() => void close(terminalId)}
            >
              <CloseIcon size={12} />
            </Button>
          </span>
        ))}
        <Button look="quiet" onClick={() => void open()}>
          <PlusIcon size={14} />
          New terminal
        </Button>
      </div>
      {selected === null ? (
        <Empty
          title="No terminal is open"
          text="A terminal keeps running when this page is closed, and when DevForge is started again."
          actions={
            <Button look="primary" onClick={() => void open()}>
              Open a terminal
            </Button>
          }
        />
      ) : (
        <TerminalScreen key={selected} containerId={id} terminalId={selected} onExit={() => void refresh()} />
      )}
    </div>
  );
}
