import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';
import { useMay } from '../session/me.ts';
import { type KeyName, KeySequence } from './keys.ts';

const TIMEOUT_MS = 1_000;
const TYPING = 'input, textarea, select, [contenteditable="true"], .xterm, [role="dialog"], [role="alertdialog"]';

export type Overlay = 'palette' | 'help' | null;

/** Keys that work on every page, except where somebody types. */
export function useKeys(): [Overlay, (next: Overlay) => void] {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const navigate = useNavigate();
  const may = useMay();
  const mayCreate = may('container:create');
  const act = useRef<(name: KeyName) => void>(() => undefined);
  act.current = (name) => {
    switch (name) {
      case 'palette':
      case 'help':
        return setOverlay(name);
      case 'search':
        return document.querySelector<HTMLInputElement>('main input[type="search"]')?.focus();
      case 'containers':
        return void navigate({ to: '/' });
      case 'inbox':
        return void navigate({ to: '/inbox' });
      case 'create':
        return mayCreate ? void navigate({ to: '/new' }) : undefined;
    }
  };
  useEffect(() => {
    const sequence = new KeySequence(TIMEOUT_MS);
    const press = (event: KeyboardEvent): void => {
      const isModified = event.ctrlKey || event.metaKey;
      const target = event.target instanceof Element ? event.target : null;
      if (event.isComposing || event.altKey || event.repeat) return;
      // In a terminal Ctrl+K belongs to the shell.
      const isTyping = target?.closest(isModified ? '.xterm, [role="dialog"], [role="alertdialog"]' : TYPING) != null;
      if (isTyping) return;
      const name = sequence.press(isModified ? `mod+${event.key.toLowerCase()}` : event.key, event.timeStamp);
      if (name === null) return;
      event.preventDefault();
      act.current(name);
    };
    document.addEventListener('keydown', press);
    return () => document.removeEventListener('keydown', press);
  }, []);
  return [overlay, setOverlay];
}
