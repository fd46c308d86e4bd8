import { useSyncExternalStore } from 'react';
import { connectionStore } from '../api/socket.ts';
import { Spinner } from '../ui/loading.tsx';
import styles from './shell.module.css';

/** Says that what the page shows is not live at the moment. */
export function ConnectionNotice() {
  const connection = useSyncExternalStore(connectionStore.subscribe, connectionStore.get);
  return (
    <span role="status">
      {connection === 'lost' && (
        <span className={styles.lost}>
          <Spinner />
          Reconnecting
        </span>
      )}
    </span>
  );
}
