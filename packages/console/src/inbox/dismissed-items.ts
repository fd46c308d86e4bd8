const KEY = 'devforge.inbox.dismissed';
const MAX_KEPT = 500;
const listeners = new Set<() => void>();
let current: ReadonlySet<string> | undefined;

function read(): ReadonlySet<string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return new Set(Array.isArray(stored) ? stored.filter((key) => typeof key === 'string') : []);
  } catch {
    return new Set();
  }
}

/** What was dismissed in this browser: the latest five hundred. */
export const dismissedItems = {
  get: (): ReadonlySet<string> => (current ??= read()),
  add: (key: string): void => {
    current = new Set([...dismissedItems.get(), key].slice(-MAX_KEPT));
    localStorage.setItem(KEY, JSON.stringify([...current]));
    for (const listener of listeners) listener();
  },
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
