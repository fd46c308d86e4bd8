import { Dialog } from '@base-ui/react/dialog';
import { type KeyboardEvent, useEffect, useId, useRef, useState } from 'react';
import { classes } from '../ui/classes.ts';
import dialog from '../ui/dialog.module.css';
import { matching } from './commands.ts';
import styles from './palette.module.css';
import { useCommands } from './use-commands.ts';

const SHOWN = 60;

/** Everything by its name. */
export default function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const id = useId();
  const found = matching(useCommands(), text).slice(0, SHOWN);
  const selected = Math.min(at, found.length - 1);
  useEffect(() => {
    list.current?.children[selected]?.scrollIntoView({ block: 'nearest' });
  }, [selected]);
  const run = (index: number): void => {
    const command = found[index];
    if (command === undefined) return;
    onClose();
    command.run();
  };
  const press = (event: KeyboardEvent): void => {
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };
    const move = moves[event.key];
    if (move !== undefined) setAt(Math.max(0, Math.min(found.length - 1, selected + move)));
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing) run(selected);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={dialog.backdrop} />
        <Dialog.Popup className={classes(dialog.popup, styles.popup)}>
          <Dialog.Title className="visually-hidden">Commands</Dialog.Title>
          <input
            className={styles.input}
            role="combobox"
            aria-label="Command"
            aria-expanded
            aria-controls={`${id}-list`}
            aria-activedescendant={found.length > 0 ? `${id}-${selected}` : undefined}
            aria-autocomplete="list"
            placeholder="Go to a container or page, or change the theme"
            autoFocus
            spellCheck={false}
            value={text}
            onChange={(event) => {
              setText(event.target.value);
              setAt(0);
            }}
            onKeyDown={press}
          />
          <ul className={styles.list} id={`${id}-list`} role="listbox" aria-label="Commands" ref={list}>
            {found.map((command, index) => (
              <li
                key={command.id}
                id={`${id}-${index}`}
                role="option"
                aria-selected={index === selected}
                className={styles.option}
                onClick={() => run(index)}
              >
                <span className={styles.label}>{command.label}</span>
                <span className={styles.group}>{command.group}</span>
              </li>
            ))}
          </ul>
          {found.length === 0 && <p className={styles.none}>Nothing matches</p>}
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
