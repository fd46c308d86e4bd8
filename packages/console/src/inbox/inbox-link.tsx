import { Link, useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import shell from '../app/shell.module.css';
import { setTitleCount } from '../ui/use-title.ts';
import styles from './inbox.module.css';
import { useNotifications } from './notifications.ts';
import { useInbox } from './use-inbox.ts';

/** How much waits for the person, here and in the title. */
export function InboxLink() {
  const { items } = useInbox();
  const navigate = useNavigate();
  const count = items?.length ?? 0;
  useNotifications(items, () => void navigate({ to: '/inbox' }));
  useEffect(() => setTitleCount(count), [count]);
  return (
    <Link to="/inbox" className={shell.link}>
      Inbox
      {count > 0 && (
        <span className={styles.badge} aria-label={count === 1 ? '1 waits' : `${count} wait`} role="img">
          {count}
        </span>
      )}
    </Link>
  );
}
