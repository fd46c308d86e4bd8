import { Suspense } from 'react';
import { Button } from '../ui/button.tsx';
import { SearchIcon } from '../ui/icons.tsx';
import { lazyPart } from '../ui/load-script.ts';
import styles from './shell.module.css';
import { useKeys } from './use-keys.ts';

const Palette = lazyPart(() => import('./palette.tsx'));
const KeysDialog = lazyPart(() => import('./keys-dialog.tsx'));

/** What opens over every page, and the button for those who do not know the key. */
export function Overlays() {
  const [overlay, open] = useKeys();
  const close = (): void => open(null);
  return (
    <>
      <Button look="quiet" onClick={() => open('palette')} aria-keyshortcuts="Control+K">
        <SearchIcon size={14} />
        <span className={styles.account}>Go to</span>
        <kbd className={styles.account} aria-hidden>
          Ctrl K
        </kbd>
      </Button>
      <Suspense>
        {overlay === 'palette' && <Palette onClose={close} />}
        {overlay === 'help' && <KeysDialog onClose={close} />}
      </Suspense>
    </>
  );
}
