export interface KeyBinding {
  /** Pressed one after the other; `mod` is Ctrl, or Command on a Mac. */
  keys: readonly string[];
  label: string;
}

/** The keys that work on every page, as `?` shows them. */
export const KEY_BINDINGS = {
  palette: { keys: ['mod+k'], label: 'Go to anything by its name' },
  help: { keys: ['?'], label: 'Show the keys' },
  search: { keys: ['/'], label: 'Search on this page' },
  containers: { keys: ['g', 'c'], label: 'Containers' },
  inbox: { keys: ['g', 'i'], label: 'Inbox' },
  create: { keys: ['c'], label: 'New container' },
} as const satisfies Record<string, KeyBinding>;

export type KeyName = keyof typeof KEY_BINDINGS;

/** Recognises keys that are pressed one after the other. */
export class KeySequence {
  private pressed: string[] = [];
  private lastAt = 0;

  /** @param timeoutMs after which a key begins anew */
  constructor(private readonly timeoutMs: number) {}

  /** @returns what the keys so far stand for; null when that is nothing, or nothing yet */
  press(key: string, at: number): KeyName | null {
    if (at - this.lastAt > this.timeoutMs) this.pressed = [];
    this.lastAt = at;
    this.pressed = [...this.pressed, key].slice(-2);
    for (const [name, { keys }] of Object.entries(KEY_BINDINGS)) {
      const end = this.pressed.slice(-keys.length);
      if (end.length !== keys.length || !keys.every((one, index) => one === end[index])) continue;
      // A key that ends a sequence is not a binding of its own.
      if (keys.length === 1 && this.pressed.length === 2 && this.pressed[0] === 'g') continue;
      this.pressed = [];
      return name as KeyName;
    }
    return null;
  }
}
