import { Link } from '@tanstack/react-router';
import { useMay, useMe } from '../session/me.ts';
import { buttonClass } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import { inputClass } from '../ui/field.tsx';
import { PlusIcon, SearchIcon } from '../ui/icons.tsx';
import styles from './containers.module.css';
import { readView, type View } from './view.ts';

interface ToolbarProps {
  view: View;
  onChange: (view: View) => void;
  shown: number;
  total: number;
}

export function ContainersToolbar({ view, onChange, shown, total }: ToolbarProps) {
  const may = useMay();
  const { projects } = useMe();
  const set = (change: Partial<Record<keyof View, unknown>>): void => onChange(readView({ ...view, ...change }));
  return (
    <div className={styles.toolbar}>
      <h1>Containers</h1>
      <span className={styles.count}>{shown === total ? total : `${shown} of ${total}`}</span>
      <div className={styles.search}>
        <SearchIcon size={14} />
        <input
          type="search"
          className={inputClass}
          placeholder="Search"
          aria-label="Search containers"
          value={view.q ?? ''}
          onChange={(event) => set({ q: event.target.value })}
        />
      </div>
      {projects.length > 1 && (
        <select
          className={styles.filter}
          aria-label="Project"
          value={view.project ?? ''}
          onChange={(event) => set({ project: event.target.value })}
        >
          <option value="">Any project</option>
          {projects.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      <select
        className={styles.filter}
        aria-label="Status"
        value={view.status ?? ''}
        onChange={(event) => set({ status: event.target.value })}
      >
        <option value="">Any status</option>
        <option value="running">Running</option>
        <option value="busy">In progress</option>
        <option value="stopped">Stopped</option>
        <option value="failed">Failed</option>
      </select>
      <select
        className={styles.filter}
        aria-label="Agent"
        value={view.agent ?? ''}
        onChange={(event) => set({ agent: event.target.value })}
      >
        <option value="">Any agent</option>
        <option value="waiting">Waiting</option>
        <option value="working">Working</option>
        <option value="idle">Idle</option>
        <option value="none">No agent</option>
      </select>
      <span className={styles.space} />
      {may('container:create') && (
        <Link to="/new" className={classes(buttonClass({ look: 'primary' }))}>
          <PlusIcon />
          New container
        </Link>
      )}
    </div>
  );
}
