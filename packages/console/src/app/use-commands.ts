import { useNavigate } from '@tanstack/react-router';
import { useContainers } from '../containers/use-containers.ts';
import { ADMIN_PAGES } from '../admin/pages.ts';
import { useMay } from '../session/me.ts';
import type { Command } from './commands.ts';
import { setTheme, type Theme } from './theme.ts';

const THEMES: [Theme, string][] = [
  ['light', 'Light theme'],
  ['dark', 'Dark theme'],
  ['system', 'Theme of the system'],
];

/** What the person can do from anywhere: nothing that would be refused. */
export function useCommands(): Command[] {
  const navigate = useNavigate();
  const may = useMay();
  const { data: containers = [] } = useContainers();
  const page = (to: '/' | '/inbox' | '/new', label: string): Command => ({
    id: to,
    label,
    group: 'Page',
    run: () => void navigate({ to }),
  });
  return [
    page('/', 'Containers'),
    page('/inbox', 'Inbox'),
    ...(may('container:create') ? [page('/new', 'New container')] : []),
    ...ADMIN_PAGES.filter(({ permission }) => may(permission)).map(({ to, label }) => ({
      id: to,
      label,
      group: 'Administration',
      run: () => void navigate({ to }),
    })),
    ...containers.map(({ id, name, status }) => ({
      id,
      label: name,
      group: `Container, ${status}`,
      run: () => void navigate({ to: '/containers/$name', params: { name } }),
    })),
    ...THEMES.map(([theme, label]) => ({ id: `theme-${theme}`, label, group: 'Theme', run: () => setTheme(theme) })),
  ];
}
