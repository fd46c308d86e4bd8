import { AlertDialog } from '@base-ui/react/alert-dialog';
import type { ReactNode } from 'react';
import { Button, buttonClass } from './button.tsx';
import dialog from './dialog.module.css';

interface ConfirmDialogProps {
  title: string;
  /** What happens then. */
  text: string;
  /** What does it. */
  action: string;
  isPending: boolean;
  onConfirm: () => void;
  onClose: () => void;
  /** Further choices. */
  children?: ReactNode;
}

/** Asks before something that cannot be undone. */
export function ConfirmDialog({ title, text, action, isPending, onConfirm, onClose, children }: ConfirmDialogProps) {
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={dialog.backdrop} />
        <AlertDialog.Popup className={dialog.popup}>
          <AlertDialog.Title className={dialog.title}>{title}</AlertDialog.Title>
          <AlertDialog.Description className={dialog.text}>{text}</AlertDialog.Description>
          {children}
          <div className={dialog.actions}>
            <AlertDialog.Close className={buttonClass()}>Cancel</AlertDialog.Close>
            <Button look="danger" disabled={isPending} onClick={onConfirm}>
              {action}
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
