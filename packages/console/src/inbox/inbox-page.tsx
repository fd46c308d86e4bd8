import { Button } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Failure } from '../ui/failure.tsx';
import { Loading } from '../ui/loading.tsx';
import { useTitle } from '../ui/use-title.ts';
import { InboxEntry } from './inbox-entry.tsx';
import styles from './inbox.module.css';
import { setNotifications, useNotificationState } from './notifications.ts';
import { useInbox } from './use-inbox.ts';

/** Everything that waits for the person, in all containers. */
export function InboxPage() {
  const { items, error } = useInbox();
  useTitle('Inbox');
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <h1>Inbox</h1>
        <NotificationButton />
      </div>
      {items === undefined && (error === null ? <Loading /> : <Failure error={error} />)}
      {items?.length === 0 && (
        <Empty
          title="Nothing waits for you"
          text="What agents ask for, failures, refused connections and budgets that were reached appear here."
        />
      )}
      {items !== undefined && items.length > 0 && (
        <ul className={styles.list} aria-label="What waits for you">
          {items.map((item) => (
            <InboxEntry key={item.key} item={item} />
          ))}
        </ul>
      )}
    </div>
  );
}

function NotificationButton() {
  const state = useNotificationState();
  if (state === 'unavailable') return null;
  if (state === 'refused') return <span className={styles.note}>The browser does not allow notifications here.</span>;
  return (
    <Button aria-pressed={state === 'on'} onClick={() => void setNotifications(state !== 'on')}>
      {state === 'on' ? 'Turn notifications off' : 'Notify me in the browser'}
    </Button>
  );
}
