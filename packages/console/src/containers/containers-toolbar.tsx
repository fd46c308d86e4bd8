import { Link } from '@tanstack/react-router';
import { useMay, useMe } from '../session/me.ts';
import { buttonClass } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import { inputClass } from '../ui/field.tsx';
import { PlusIcon, SearchIcon } from '../ui/icons.tsx';
import styles from './containers.module.css';
import { readView, type View } from './view.ts';

type Choice = readonly [value: string, text: string];

const STATUSES: readonly Choice[] = [
  ['', 'Any status'],
  ['running', 'Running'],
  ['busy', 'In progress'],
  ['stopped', 'Stopped'],
  ['failed', 'Failed'],
];
const AGENTS: readonly Choice[] = [
  ['', 'Any agent'],
  ['waiting', 'Waiting'],
  ['working', 'Working'],
  ['idle', 'Idle'],
  ['none', 'No agent'],
];

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
        <Filter
          label="Project"
          value={view.project}
          onChange={(project) => set({ project })}
          choices={[['', 'Any project'], ...projects.map(({ id, name }): Choice => [id, name])]}
        />
      )}
      <Filter label="Status" value={view.status} onChange={(status) => set({ status })} choices={STATUSES} />
      <Filter label="Agent" value={view.agent} onChange={(agent) => set({ agent })} choices={AGENTS} />
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

interface FilterProps {
  label: string;
  value: string | undefined;
  onChange: (value: string) => void;
  choices: readonly Choice[];
}

function Filter({ label, value, onChange, choices }: FilterProps) {
  return (
    <select
      className={styles.filter}
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.target.value)}
    >
      {choices.map(([choice, text]) => (
        <option key={choice} value={choice}>
          {text}
        </option>
      ))}
    </select>
  );
}
