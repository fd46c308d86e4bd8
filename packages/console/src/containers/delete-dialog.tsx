import { useState } from 'react';
import type { Container } from '../api/types.ts';
import { ConfirmDialog } from '../ui/confirm-dialog.tsx';
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
    <ConfirmDialog
      title={`Delete ${name}?`}
      text="Its programs end, and its home directory, its sessions with Claude Code and its instructions are removed. This cannot be undone."
      action="Delete"
      isPending={remove.isPending}
      onConfirm={confirm}
      onClose={onClose}
    >
      <label className={dialog.option}>
        <input type="checkbox" checked={keepVolume} onChange={(event) => setKeepVolume(event.target.checked)} />
        Keep the files in /workspace, to attach them to a new container
      </label>
    </ConfirmDialog>
  );
}
