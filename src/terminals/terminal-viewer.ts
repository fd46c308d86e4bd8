import type { TerminalSize } from '../drivers/workspace-process.js';

/** Why a terminal is no more: its shell ended, its container stopped, or its holder is gone. */
export type EndReason = 'exited' | 'container_stopped' | 'lost';

export type ViewerEntry =
  /** With `screen`, what draws the whole screen begins here and takes the place of all that was shown before. */
  | { kind: 'output'; text: string; screen?: TerminalSize }
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'end'; exitCode: number | null; reason: EndReason };

const RESET = '\x1bc';
/** Characters that wait for a viewer before the program is paced by it. */
const ENOUGH_CHARACTERS = 256 * 1024;
/** What waits at most for one that takes nothing, before it is left behind. */
const MOST_CHARACTERS = 2 * ENOUGH_CHARACTERS;
/** A viewer who took nothing for this long holds nobody up any more. */
const PATIENCE_MS = 3_000;
const LONGEST_MESSAGE = 32 * 1024;

/**
 * What one client has not taken yet of a terminal. One that keeps taking gets everything, at the price that the program
 * writes at its pace; one that stops is left behind, and given the screen as it is when it takes again.
 */
export class TerminalViewer {
  private entries: ViewerEntry[] = [];
  private characters = 0;
  private takenAt: number;
  private view: 'awaits screen' | 'follows' | 'left behind' = 'awaits screen';
  private waiting: { room: Promise<void>; end: () => void } | undefined;

  /**
   * @param onEntries there is something to take
   * @param askForScreen the screen is wanted, by {@link show}
   */
  constructor(
    private readonly onEntries: () => void,
    private readonly askForScreen: () => void,
    private readonly now: () => number,
  ) {
    this.takenAt = now();
  }

  /** What it shows is out of date: the screen is going to come anew. */
  restart(): void {
    this.clear();
    this.view = 'awaits screen';
  }

  output(text: string): void {
    if (this.view !== 'follows') return;
    if (this.entries.length === 0) this.takenAt = this.now();
    if (this.characters + text.length > MOST_CHARACTERS && this.isLate()) this.leaveBehind();
    else this.push({ kind: 'output', text });
    this.onEntries();
  }

  /** The screen as it is now; only a viewer that waits for one wants it. */
  show(drawing: string, screen: TerminalSize): void {
    if (this.view !== 'awaits screen') return;
    this.view = 'follows';
    this.takenAt = this.now();
    const [first, ...rest] = pieces(RESET + drawing);
    this.push({ kind: 'output', text: first!, screen });
    for (const text of rest) this.push({ kind: 'output', text });
    this.onEntries();
  }

  resized(size: TerminalSize): void {
    if (this.view !== 'follows') return;
    this.push({ kind: 'resized', size });
    this.onEntries();
  }

  ended(exitCode: number | null, reason: EndReason): void {
    this.push({ kind: 'end', exitCode, reason });
    this.onEntries();
  }

  /** Resolves when it takes more, or undefined when it does already. */
  room(): Promise<void> | undefined {
    if (this.characters < ENOUGH_CHARACTERS || this.isLate()) return undefined;
    this.waiting ??= this.wait();
    return this.waiting.room;
  }

  /** The next thing to tell; output that waits comes in one, up to a length. */
  take(): ViewerEntry | undefined {
    const entry = this.shift();
    this.takenAt = this.now();
    if (this.characters < ENOUGH_CHARACTERS / 2) this.waiting?.end();
    if (entry === undefined && this.view === 'left behind') {
      this.view = 'awaits screen';
      this.askForScreen();
    }
    if (entry?.kind !== 'output') return entry;
    const texts = [entry.text];
    let { length } = entry.text;
    for (
      let next = this.entries[0];
      next?.kind === 'output' && next.screen === undefined && length + next.text.length <= LONGEST_MESSAGE;
      next = this.entries[0]
    ) {
      texts.push(next.text);
      length += next.text.length;
      this.shift();
    }
    return { ...entry, text: texts.join('') };
  }

  private push(entry: ViewerEntry): void {
    this.entries.push(entry);
    if (entry.kind === 'output') this.characters += entry.text.length;
  }

  private shift(): ViewerEntry | undefined {
    const entry = this.entries.shift();
    if (entry?.kind === 'output') this.characters -= entry.text.length;
    return entry;
  }

  private leaveBehind(): void {
    this.clear();
    this.view = 'left behind';
  }

  private clear(): void {
    this.entries = [];
    this.characters = 0;
    this.waiting?.end();
  }

  private isLate(): boolean {
    return this.entries.length > 0 && this.now() - this.takenAt > PATIENCE_MS;
  }

  private wait(): { room: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      clearTimeout(timer);
      this.waiting = undefined;
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, this.takenAt + PATIENCE_MS - this.now()) + 1);
    return { room: promise, end };
  }
}

/** Cuts between characters. */
function pieces(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = Math.min(text.length, at + LONGEST_MESSAGE);
    const isInPair = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    const cut = isInPair ? end - 1 : end;
    found.push(text.slice(at, cut));
    at = cut;
  }
  return found;
}
