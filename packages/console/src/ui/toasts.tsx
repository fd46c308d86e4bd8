import { Toast } from '@base-ui/react/toast';
import type { ReactNode } from 'react';
import { fieldErrors, messageOf } from '../api/api-error.ts';
import { buttonClass } from './button.tsx';
import { classes } from './classes.ts';
import { CloseIcon } from './icons.tsx';
import styles from './toasts.module.css';

const manager = Toast.createToastManager();

export function showFailure(title: string, error: unknown): void {
  manager.add({ title, description: messageOf(error), type: 'failure', timeout: 10_000, priority: 'high' });
}

/** Shows a failure that no field of a form shows. */
export function showUnlessAtFields(title: string, error: unknown): void {
  if (Object.keys(fieldErrors(error)).length === 0) showFailure(title, error);
}

export function showMessage(title: string, description?: string): void {
  manager.add({ title, description });
}

export function Toasts({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className={styles.viewport}>
          <ToastList />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function ToastList() {
  const { toasts } = Toast.useToastManager();
  return toasts.map((toast) => (
    <Toast.Root key={toast.id} toast={toast} className={styles.toast}>
      <Toast.Content>
        <Toast.Title className={styles.title} />
        <Toast.Description className={styles.description} />
        <Toast.Close className={classes(buttonClass({ look: 'quiet', isIcon: true }), styles.close)} aria-label="Close">
          <CloseIcon size={12} />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
