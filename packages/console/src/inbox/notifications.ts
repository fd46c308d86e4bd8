import { useEffect, useRef, useSyncExternalStore } from 'react';
import type { InboxItem } from './items.ts';
import { textOf, titleOf } from './texts.ts';

const KEY = 'devforge.notifications';
/** What an agent asks for is read after it has begun to wait; and somebody may have answered at once. */
const SETTLE_MS = 2_500;
const listeners = new Set<() => void>();

export type NotificationState = 'on' | 'off' | 'refused' | 'unavailable';

function read(): NotificationState {
  if (!('Notification' in window)) return 'unavailable';
  if (Notification.permission === 'denied') return 'refused';
  return Notification.permission === 'granted' && localStorage.getItem(KEY) === 'on' ? 'on' : 'off';
}

export function useNotificationState(): NotificationState {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, read);
}

/** Asks the person when that is needed. */
export async function setNotifications(isOn: boolean): Promise<void> {
  if (isOn && (await Notification.requestPermission()) === 'granted') localStorage.setItem(KEY, 'on');
  else localStorage.removeItem(KEY);
  for (const listener of listeners) listener();
}

/** Tells of what is new while the page is not looked at. @param open shows the inbox */
export function useNotifications(items: readonly InboxItem[] | undefined, open: () => void): void {
  const show = useRef(open);
  show.current = open;
  const latest = useRef<readonly InboxItem[]>([]);
  const known = useRef<Set<string>>(null);
  useEffect(() => {
    if (items === undefined) return;
    latest.current = items;
    const before = known.current;
    known.current = new Set(items.map(({ key }) => key));
    if (before === null || !document.hidden || read() !== 'on') return;
    for (const { key } of items) {
      if (before.has(key)) continue;
      setTimeout(() => {
        const item = latest.current.find((one) => one.key === key);
        if (item !== undefined) notify(item, () => show.current());
      }, SETTLE_MS);
    }
  }, [items]);
}

function notify(item: InboxItem, open: () => void): void {
  const notification = new Notification(titleOf(item), { body: bodyOf(item), tag: item.key });
  notification.addEventListener('click', () => {
    window.focus();
    open();
    notification.close();
  });
}

function bodyOf(item: InboxItem): string {
  return item.kind === 'permission' ? (item.container.agent?.waitingFor?.text ?? '') : textOf(item);
}
