import { AlertDialog } from '@base-ui/react/alert-dialog';
import { useState } from 'react';
import type { Container } from '../api/types.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import dialog from '../ui/dialog.module.css';
import { useDelete } from './use-actions.ts';

interface DeleteDialogProps {
  container: Container;
  onClose: () => void;
  onDeleted?: () => void;
}

export function DeleteDialog({ container, onClose, onDeleted }: DeleteDialogProps) {
  const [keepVolume, setKeepVolume] = useState(false);
  const remove = useDelete();
  const { id, name } = container;
  const confirm = (): void =>
    remove.mutate({ id, name, keepVolume }, { onSuccess: () => onDeleted?.(), onSettled: onClose });
  return (
    <AlertDialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className={dialog.backdrop} />
        <AlertDialog.Popup className={dialog.popup}>
          <AlertDialog.Title className={dialog.title}>Delete {name}?</AlertDialog.Title>
          <AlertDialog.Description className={dialog.text}>
            Its programs end, and its home directory, its sessions with Claude Code and its instructions are removed.
            This cannot be undone.
          </AlertDialog.Description>
          <label className={dialog.option}>
            <input type="checkbox" checked={keepVolume} onChange={(event) => setKeepVolume(event.target.checked)} />
            Keep the files in /workspace, to attach them to a new container
          </label>
          <div className={dialog.actions}>
            <AlertDialog.Close className={buttonClass()}>Cancel</AlertDialog.Close>
            <Button look="danger" onClick={confirm} disabled={remove.isPending}>
              Delete
            </Button>
          </div>
        </AlertDialog.Popup>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
