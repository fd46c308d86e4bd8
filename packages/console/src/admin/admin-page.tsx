import { Link, Navigate, Outlet } from '@tanstack/react-router';
import { useMay } from '../session/me.ts';
import styles from './admin.module.css';
import { ADMIN_PAGES } from './pages.ts';

/** What is around the pages of the administration. */
export function AdminPage() {
  const may = useMay();
  return (
    <div className={styles.page}>
      <nav className={styles.nav} aria-label="Administration">
        {ADMIN_PAGES.filter(({ permission }) => may(permission)).map(({ to, label }) => (
          <Link key={to} to={to} className={styles.link}>
            {label}
          </Link>
        ))}
      </nav>
      <div className={styles.content}>
        <Outlet />
      </div>
    </div>
  );
}

/** The first page that the person may see. */
export function AdminStart() {
  const may = useMay();
  const first = ADMIN_PAGES.find(({ permission }) => may(permission));
  return <Navigate to={first?.to ?? '/'} replace />;
}
