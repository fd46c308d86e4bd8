import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { TerminalViewer, type ViewerEntry } from './terminal-viewer.js';

const KIB = 1024;
const SIZE = { columns: 80, rows: 24 };

let now: number;
let asked: number;
let viewer: TerminalViewer;

beforeEach(() => {
  now = 0;
  asked = 0;
  viewer = new TerminalViewer(
    () => undefined,
    () => (asked += 1),
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

describe('a viewer of a terminal', () => {
  it('begins with the screen, and misses nothing after it', () => {
    viewer.output('before ');
    viewer.resized({ columns: 1, rows: 1 });
    viewer.show('screen ', SIZE);
    viewer.output('after ');
    viewer.resized({ columns: 100, rows: 30 });
    viewer.output('and on');
    expect(takeAll()).toEqual([
      { kind: 'output', text: '\x1bcscreen after ', screen: SIZE },
      { kind: 'resized', size: { columns: 100, rows: 30 } },
      { kind: 'output', text: 'and on' },
    ]);
  });

  it('wants one screen, unless it asks again', () => {
    viewer.show('one', SIZE);
    viewer.show('for somebody else', SIZE);
    expect(textOf(takeAll())).toBe('\x1bcone');
    viewer.output('lost with the connection');
    viewer.restart();
    viewer.output('unseen');
    viewer.show('two', SIZE);
    expect(textOf(takeAll())).toBe('\x1bctwo');
  });

  it('takes what waits in messages of a bounded length, and cuts no character', () => {
    const screen = `x${'🚀'.repeat(40 * KIB)}`;
    viewer.show(screen, SIZE);
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

  it('is told the end last', () => {
    viewer.show('', SIZE);
    viewer.output('bye');
    viewer.ended(7, 'exited');
    expect(textOf(takeAll())).toBe('\x1bcbye<end>');
  });

  it('paces the terminal while it takes, and gets everything', async () => {
    viewer.show('', SIZE);
    takeAll();
    let seen = '';
    let sent = '';
    for (let round = 0; round < 40; round++) {
      while (viewer.room() === undefined && sent.length < (round + 1) * 100 * KIB) {
        const piece = `${sent.length}`.padEnd(16 * KIB, '.');
        sent += piece;
        viewer.output(piece);
      }
      now += 2_900;
      seen += textOf([viewer.take()!]);
    }
    seen += textOf(takeAll());
    expect(seen).toBe(sent);
    expect(asked).toBe(0);
    expect(viewer.room()).toBeUndefined();
  });

  it('that takes nothing is left behind, holds nobody up, keeps nothing, and is given the screen when it takes again', () => {
    viewer.show('', SIZE);
    takeAll();
    for (let at = 0; at < 17; at++) viewer.output('.'.repeat(16 * KIB));
    expect(viewer.room()).toBeInstanceOf(Promise);
    now += 3_001;
    expect(viewer.room()).toBeUndefined();
    for (let at = 0; at < 1_000; at++) viewer.output('.'.repeat(16 * KIB));
    expect((viewer as unknown as { characters: number }).characters).toBe(0);
    expect(asked).toBe(0);
    expect(takeAll()).toEqual([]);
    expect(asked).toBe(1);
    viewer.output('before the screen ');
    viewer.show('as it is now ', SIZE);
    viewer.output('and on');
    expect(takeAll()).toEqual([{ kind: 'output', text: '\x1bcas it is now and on', screen: SIZE }]);
  });

  it('lets the terminal go on as soon as it has taken enough, and at the latest when its patience is over', async () => {
    jest.useFakeTimers();
    try {
      viewer.show('', SIZE);
      takeAll();
      const fill = (): void => {
        for (let at = 0; at < 17; at++) viewer.output('.'.repeat(16 * KIB));
      };
      fill();
      const taken = viewer.room();
      takeAll();
      await expect(taken).resolves.toBeUndefined();
      fill();
      const late = viewer.room();
      now += 3_001;
      jest.advanceTimersByTime(3_001);
      await expect(late).resolves.toBeUndefined();
    } finally {
      jest.useRealTimers();
    }
  });
});
