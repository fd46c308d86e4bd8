import { Menu } from '@base-ui/react/menu';
import { api, must, setCsrfToken } from '../api/client.ts';
import { queryClient, SESSION_KEY } from '../api/query-client.ts';
import { useMe } from '../session/me.ts';
import { buttonClass } from '../ui/button.tsx';
import { CheckIcon, ChevronIcon, UserIcon } from '../ui/icons.tsx';
import menu from '../ui/menu.module.css';
import { showFailure } from '../ui/toasts.tsx';
import styles from './shell.module.css';
import { setTheme, type Theme, useTheme } from './theme.ts';

const THEMES: [Theme, string][] = [
  ['system', 'As the system'],
  ['light', 'Light'],
  ['dark', 'Dark'],
];
const LINKS: [string, string][] = [
  ['/docs', 'API documentation'],
  ['/docs/sockets', 'Socket.io events'],
  ['/docs/errors', 'Errors'],
  ['/about', 'About this server'],
];

async function signOut(): Promise<void> {
  try {
    await must(api.DELETE('/api/sessions/current'));
    setCsrfToken(null);
    queryClient.setQueryData(SESSION_KEY, null);
    queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION_KEY[0] });
  } catch (error) {
    showFailure('Signing out failed', error);
  }
}

export function AccountMenu() {
  const me = useMe();
  const theme = useTheme();
  return (
    <Menu.Root>
      <Menu.Trigger className={buttonClass({ look: 'quiet' })}>
        <UserIcon />
        <span className={styles.account}>{me.name}</span>
        <ChevronIcon size={12} />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className={menu.positioner} align="end" sideOffset={4}>
          <Menu.Popup className={menu.popup}>
            <Menu.RadioGroup value={theme} onValueChange={(value: Theme) => setTheme(value)}>
              <Menu.Group>
                <Menu.GroupLabel className={menu.label}>Theme</Menu.GroupLabel>
                {THEMES.map(([value, label]) => (
                  <Menu.RadioItem key={value} value={value} className={menu.item} closeOnClick={false}>
                    <span className={menu.mark}>{theme === value && <CheckIcon size={14} />}</span>
                    {label}
                  </Menu.RadioItem>
                ))}
              </Menu.Group>
            </Menu.RadioGroup>
            <Menu.Separator className={menu.separator} />
            {LINKS.map(([href, label]) => (
              <Menu.LinkItem key={href} href={href} target="_blank" rel="noreferrer" className={menu.item}>
                <span className={menu.mark} />
                {label}
              </Menu.LinkItem>
            ))}
            <Menu.Separator className={menu.separator} />
            <Menu.Item className={menu.item} onClick={() => void signOut()}>
              <span className={menu.mark} />
              Sign out
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
