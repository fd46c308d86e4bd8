import { Link, Outlet } from '@tanstack/react-router';
import { InboxLink } from '../inbox/inbox-link.tsx';
import { buttonClass } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import { ADMIN_PAGES } from '../admin/pages.ts';
import { useMay } from '../session/me.ts';
import { Overlays } from './overlays.tsx';
import { AccountMenu } from './account-menu.tsx';
import { ConnectionNotice } from './connection-notice.tsx';
import { Logo } from './logo.tsx';
import styles from './shell.module.css';

/** What is around every page. */
export function Shell() {
  const may = useMay();
  const hasAdmin = ADMIN_PAGES.some(({ permission }) => may(permission));
  return (
    <>
      <a className={classes(buttonClass(), styles.skip)} href="#main">
        Skip to content
      </a>
      <header className={styles.bar}>
        <Link to="/" className={styles.brand}>
          <Logo />
          DevForge
        </Link>
        <nav className={styles.nav} aria-label="Pages">
          <Link to="/" className={styles.link} activeOptions={{ exact: true, includeSearch: false }}>
            Containers
          </Link>
          <InboxLink />
          {hasAdmin && (
            <Link to="/admin" className={styles.link}>
              Administration
            </Link>
          )}
          <a className={styles.link} href="/docs" target="_blank" rel="noreferrer">
            API
          </a>
        </nav>
        <span className={styles.space} />
        <ConnectionNotice />
        <Overlays />
        <AccountMenu />
      </header>
      <main id="main" className={styles.main} tabIndex={-1}>
        <Outlet />
      </main>
    </>
  );
}
