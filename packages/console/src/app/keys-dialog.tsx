import { Dialog } from '@base-ui/react/dialog';
import { Fragment } from 'react';
import { buttonClass } from '../ui/button.tsx';
import dialog from '../ui/dialog.module.css';
import { KEY_BINDINGS } from './keys.ts';
import styles from './palette.module.css';

const isMac = navigator.platform.startsWith('Mac');
const nameOf = (key: string): string => key.replace('mod+', isMac ? '⌘ ' : 'Ctrl ').toUpperCase();

export default function KeysDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={dialog.backdrop} />
        <Dialog.Popup className={dialog.popup}>
          <Dialog.Title className={dialog.title}>Keys</Dialog.Title>
          <dl className={styles.keys}>
            {Object.values(KEY_BINDINGS).map(({ keys, label }) => (
              <Fragment key={label}>
                <dt>
                  {keys.map((key, index) => (
                    <Fragment key={index}>
                      {index > 0 && ' '}
                      <kbd>{nameOf(key)}</kbd>
                    </Fragment>
                  ))}
                </dt>
                <dd>{label}</dd>
              </Fragment>
            ))}
            <dt>
              <kbd>{isMac ? '⌘' : 'CTRL'} S</kbd>
            </dt>
            <dd>Save the open file</dd>
          </dl>
          <div className={dialog.actions}>
            <Dialog.Close className={buttonClass()}>Close</Dialog.Close>
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
