import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TerminalViewer, type ViewerEntry } from './terminal-viewer.js';

const KIB = 1024;
const SIZE = { columns: 80, rows: 24 };

let now: number;
let requested: number;
let viewer: TerminalViewer;

beforeEach(() => {
  now = 0;
  requested = 0;
  viewer = new TerminalViewer(
    () => undefined,
    () => (requested += 1),
    () => now,
  );
});

const takeAll = (): ViewerEntry[] => {
  const entries: ViewerEntry[] = [];
  for (let entry = viewer.take(); entry !== undefined; entry = viewer.take()) entries.push(entry);
  return entries;
};
const textOf = (entries: ViewerEntry[]): string =>
  entries.map((entry) => (entry.kind === 'output' ? entry.text : `<${entry.kind}>`)).join('');

describe('TerminalViewer', () => {
  it('begins with the screen and gets all output after it', () => {
    viewer.output('before ');
    viewer.resized({ columns: 1, rows: 1 });
    viewer.showScreen('screen ', SIZE);
    viewer.output('after ');
    viewer.resized({ columns: 100, rows: 30 });
    viewer.output('and on');
    expect(takeAll()).toEqual([
      { kind: 'output', text: '\x1bcscreen after ', screen: SIZE },
      { kind: 'resized', size: { columns: 100, rows: 30 } },
      { kind: 'output', text: 'and on' },
    ]);
  });

  it('ignores screens that it has not asked for', () => {
    viewer.showScreen('one', SIZE);
    viewer.showScreen('for another viewer', SIZE);
    expect(textOf(takeAll())).toBe('\x1bcone');
    viewer.output('lost with the connection');
    viewer.reset();
    viewer.output('unseen');
    viewer.showScreen('two', SIZE);
    expect(textOf(takeAll())).toBe('\x1bctwo');
  });

  it('joins queued output to messages of a bounded length without splitting characters', () => {
    const screen = `x${'🚀'.repeat(40 * KIB)}`;
    viewer.showScreen(screen, SIZE);
    for (let at = 0; at < 100; at++) viewer.output('y'.repeat(KIB));
    const entries = takeAll();
    expect(textOf(entries)).toBe(`\x1bc${screen}${'y'.repeat(100 * KIB)}`);
    for (const entry of entries) {
      if (entry.kind !== 'output') continue;
      expect(entry.text.length).toBeLessThanOrEqual(32 * KIB);
      expect(entry.text.isWellFormed()).toBe(true);
    }
    expect(entries.length).toBeLessThan(8);
    expect(entries.filter((entry) => 'screen' in entry)).toHaveLength(1);
  });

  it('gets the end of the terminal after all output', () => {
    viewer.showScreen('', SIZE);
    viewer.output('bye');
    viewer.ended(7, 'exited');
    expect(textOf(takeAll())).toBe('\x1bcbye<end>');
  });

  it('makes the program wait while it takes slowly, and gets all output', async () => {
    viewer.showScreen('', SIZE);
    takeAll();
    let seen = '';
    let sent = '';
    for (let round = 0; round < 40; round++) {
      while (viewer.whenWritable() === undefined && sent.length < (round + 1) * 100 * KIB) {
        const piece = `${sent.length}`.padEnd(16 * KIB, '.');
        sent += piece;
        viewer.output(piece);
      }
      now += 2_900;
      seen += textOf([viewer.take()!]);
    }
    seen += textOf(takeAll());
    expect(seen).toBe(sent);
    expect(requested).toBe(0);
    expect(viewer.whenWritable()).toBeUndefined();
  });

  it('drops its queue when it takes nothing for too long, and requests the screen when it takes again', () => {
    viewer.showScreen('', SIZE);
    takeAll();
    for (let at = 0; at < 17; at++) viewer.output('.'.repeat(16 * KIB));
    expect(viewer.whenWritable()).toBeInstanceOf(Promise);
    now += 3_001;
    expect(viewer.whenWritable()).toBeUndefined();
    for (let at = 0; at < 1_000; at++) viewer.output('.'.repeat(16 * KIB));
    expect((viewer as unknown as { characters: number }).characters).toBe(0);
    expect(requested).toBe(0);
    expect(takeAll()).toEqual([]);
    expect(requested).toBe(1);
    viewer.output('before the screen ');
    viewer.showScreen('current ', SIZE);
    viewer.output('and on');
    expect(takeAll()).toEqual([{ kind: 'output', text: '\x1bccurrent and on', screen: SIZE }]);
  });

  it('lets the program continue when it has taken enough, or when it times out', async () => {
    jest.useFakeTimers();
    try {
      viewer.showScreen('', SIZE);
      takeAll();
      const fill = (): void => {
        for (let at = 0; at < 17; at++) viewer.output('.'.repeat(16 * KIB));
      };
      fill();
      const taken = viewer.whenWritable();
      takeAll();
      await expect(taken).resolves.toBeUndefined();
      fill();
      const late = viewer.whenWritable();
      now += 3_001;
      jest.advanceTimersByTime(3_001);
      await expect(late).resolves.toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });

  it('holds little for a client that takes nothing, whatever a hostile terminal sends', () => {
    viewer.showScreen('', SIZE);
    for (let index = 0; index < 100_000; index++) {
      viewer.resized({ columns: index, rows: 1 });
      viewer.output('');
    }
    expect(takeAll()).toEqual([
      { kind: 'output', text: '\x1bc', screen: SIZE },
      { kind: 'resized', size: { columns: 99_999, rows: 1 } },
    ]);
    now = 10_000;
    for (let index = 0; index < 100_000; index++) {
      viewer.resized({ columns: index, rows: 1 });
      viewer.output('x');
      now += 1;
    }
    expect(takeAll().length).toBeLessThan(50_000);
  });
});
