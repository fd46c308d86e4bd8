import type { TerminalSize } from '../drivers/workspace-process.js';

/** Why a terminal ended: its shell exited, its container stopped, or the PTY host is gone (`lost`). */
export type EndReason = 'exited' | 'container_stopped' | 'lost';

export type ViewerEntry =
  /** With `screen`, the output draws the whole screen, which replaces everything shown before. */
  | { kind: 'output'; text: string; screen?: TerminalSize }
  | { kind: 'resized'; size: TerminalSize }
  | { kind: 'end'; exitCode: number | null; reason: EndReason };

const RESET = '\x1bc';
/** Characters that may be queued for a viewer before the program has to wait for it. */
const HIGH_WATER_MARK = 256 * 1024;
/** Characters that are queued for a viewer that takes nothing, before they are dropped. */
const MAX_CHARACTERS = 2 * HIGH_WATER_MARK;
/** The program no longer waits for a viewer that has taken nothing for this long. */
const TIMEOUT_MS = 3_000;
const MAX_MESSAGE_LENGTH = 32 * 1024;
/** What an entry counts besides its text, so that very many short ones are bounded as well. */
const ENTRY_CHARACTERS = 16;

/**
 * The queue of what one client has not taken yet of a terminal. A client that keeps taking gets everything, and the program
 * waits for it. For a client that stops, the queue is dropped; it gets the current screen when it takes again.
 */
export class TerminalViewer {
  private entries: ViewerEntry[] = [];
  private characters = 0;
  private lastTakenAt: number;
  private state: 'awaiting screen' | 'following' | 'lagging' = 'awaiting screen';
  private waiting: { promise: Promise<void>; end: () => void } | undefined;

  /**
   * @param onEntries called when there is something to take
   * @param requestScreen requests a call of {@link showScreen}
   */
  constructor(
    private readonly onEntries: () => void,
    private readonly requestScreen: () => void,
    private readonly now: () => number,
  ) {
    this.lastTakenAt = now();
  }

  /** Drops everything until the next {@link showScreen}, since what the client shows is out of date. */
  reset(): void {
    this.clear();
    this.state = 'awaiting screen';
  }

  output(text: string): void {
    if (this.state !== 'following' || text === '') return;
    if (this.entries.length === 0) this.lastTakenAt = this.now();
    if (this.characters + text.length > MAX_CHARACTERS && this.isUnresponsive()) this.drop();
    else this.push({ kind: 'output', text });
    this.onEntries();
  }

  /** The current screen, which is ignored unless this viewer waits for one. */
  showScreen(drawing: string, screen: TerminalSize): void {
    if (this.state !== 'awaiting screen') return;
    this.state = 'following';
    this.lastTakenAt = this.now();
    const [first, ...rest] = splitIntoMessages(RESET + drawing);
    this.push({ kind: 'output', text: first!, screen });
    for (const text of rest) this.push({ kind: 'output', text });
    this.onEntries();
  }

  resized(size: TerminalSize): void {
    if (this.state !== 'following') return;
    const last = this.entries.at(-1);
    // Only the latest of several sizes counts.
    if (last?.kind === 'resized') last.size = size;
    else this.push({ kind: 'resized', size });
    this.onEntries();
  }

  ended(exitCode: number | null, reason: EndReason): void {
    this.push({ kind: 'end', exitCode, reason });
    this.onEntries();
  }

  /** Resolves when the program need not wait for this viewer any longer; undefined when it need not wait at all. */
  whenWritable(): Promise<void> | undefined {
    if (this.characters < HIGH_WATER_MARK || this.isUnresponsive()) return undefined;
    this.waiting ??= this.wait();
    return this.waiting.promise;
  }

  /** The next entry. Queued output is joined up to the length of a message. */
  take(): ViewerEntry | undefined {
    const entry = this.shift();
    this.lastTakenAt = this.now();
    if (this.characters < HIGH_WATER_MARK / 2) this.waiting?.end();
    if (entry === undefined && this.state === 'lagging') {
      this.state = 'awaiting screen';
      this.requestScreen();
    }
    if (entry?.kind !== 'output') return entry;
    const texts = [entry.text];
    let { length } = entry.text;
    for (
      let next = this.entries[0];
      next?.kind === 'output' && next.screen === undefined && length + next.text.length <= MAX_MESSAGE_LENGTH;
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
    this.characters += weightOf(entry);
  }

  private shift(): ViewerEntry | undefined {
    const entry = this.entries.shift();
    if (entry !== undefined) this.characters -= weightOf(entry);
    return entry;
  }

  private drop(): void {
    this.clear();
    this.state = 'lagging';
  }

  private clear(): void {
    this.entries = [];
    this.characters = 0;
    this.waiting?.end();
  }

  private isUnresponsive(): boolean {
    return this.entries.length > 0 && this.now() - this.lastTakenAt > TIMEOUT_MS;
  }

  private wait(): { promise: Promise<void>; end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = (): void => {
      clearTimeout(timer);
      this.waiting = undefined;
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, this.lastTakenAt + TIMEOUT_MS - this.now()) + 1);
    return { promise, end };
  }
}

function weightOf(entry: ViewerEntry): number {
  return ENTRY_CHARACTERS + (entry.kind === 'output' ? entry.text.length : 0);
}

/** Does not split surrogate pairs. */
function splitIntoMessages(text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = Math.min(text.length, at + MAX_MESSAGE_LENGTH);
    const isInPair = end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800;
    const cut = isInPair ? end - 1 : end;
    found.push(text.slice(at, cut));
    at = cut;
  }
  return found;
}
