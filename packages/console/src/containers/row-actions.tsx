import { Menu } from '@base-ui/react/menu';
import { useState } from 'react';
import type { Container } from '../api/types.ts';
import { useMay } from '../session/me.ts';
import { Button, buttonClass } from '../ui/button.tsx';
import { classes } from '../ui/classes.ts';
import { MoreIcon, PlayIcon, StopIcon } from '../ui/icons.tsx';
import menu from '../ui/menu.module.css';
import { DeleteDialog } from './delete-dialog.tsx';
import { canStart, useAction } from './use-actions.ts';

/** What the person may do with a container: nothing is offered that would be refused. */
export function RowActions({ container, onDeleted }: { container: Container; onDeleted?: () => void }) {
  const { id, name, status, projectId } = container;
  const may = useMay();
  const act = useAction();
  const [isDeleting, setIsDeleting] = useState(false);
  // A menu costs more than the rest of its row, and few are opened.
  const [isMenuMade, setIsMenuMade] = useState(false);
  const rebuild = (): void => act.mutate({ id, name, action: 'rebuild' });
  const mayUpdate = may('container:update', projectId);
  const mayDelete = may('container:delete', projectId);
  if (!mayUpdate && !mayDelete) return null;
  return (
    <>
      {mayUpdate && status === 'running' && (
        <Button
          look="quiet"
          isIcon
          aria-label={`Stop ${name}`}
          title="Stop"
          disabled={act.isPending}
          onClick={() => act.mutate({ id, name, action: 'stop' })}
        >
          <StopIcon />
        </Button>
      )}
      {mayUpdate && canStart(container) && (
        <Button
          look="quiet"
          isIcon
          aria-label={`Start ${name}`}
          title="Start"
          disabled={act.isPending}
          onClick={() => act.mutate({ id, name, action: 'start' })}
        >
          <PlayIcon />
        </Button>
      )}
      {isMenuMade ? (
        <RowMenu container={container} onRebuild={rebuild} onDelete={() => setIsDeleting(true)} />
      ) : (
        <Button
          look="quiet"
          isIcon
          aria-label={`More actions for ${name}`}
          aria-haspopup="menu"
          aria-expanded={false}
          onClick={() => setIsMenuMade(true)}
        >
          <MoreIcon />
        </Button>
      )}
      {isDeleting && (
        <DeleteDialog
          container={container}
          onClose={() => setIsDeleting(false)}
          {...(onDeleted === undefined ? {} : { onDeleted })}
        />
      )}
    </>
  );
}

interface RowMenuProps {
  container: Container;
  onRebuild: () => void;
  onDelete: () => void;
}

function RowMenu({ container, onRebuild, onDelete }: RowMenuProps) {
  const { name, status, projectId } = container;
  const may = useMay();
  return (
    <Menu.Root defaultOpen>
      <Menu.Trigger className={buttonClass({ look: 'quiet', isIcon: true })} aria-label={`More actions for ${name}`}>
        <MoreIcon />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner className={menu.positioner} align="end" sideOffset={2}>
          <Menu.Popup className={menu.popup}>
            {may('container:update', projectId) && (status === 'running' || canStart(container)) && (
              <Menu.Item className={menu.item} onClick={onRebuild}>
                <span className={menu.mark} />
                Rebuild from the current image
              </Menu.Item>
            )}
            {may('container:delete', projectId) && (
              <Menu.Item className={classes(menu.item, menu.danger)} onClick={onDelete}>
                <span className={menu.mark} />
                Delete…
              </Menu.Item>
            )}
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
