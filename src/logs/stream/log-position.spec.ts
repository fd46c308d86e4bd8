import { beforeEach, describe, expect, it } from '@jest/globals';
import { line } from '../../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../../drivers/workspace-logs.js';
import { LogPosition } from './log-position.js';

const SECOND = 1e9;
const HOUR = 3_600 * SECOND;

let position: LogPosition;

beforeEach(() => {
  position = new LogPosition();
});

const advance = (...records: LogRecord[]): void => records.forEach((record) => position.advance(record));
const messages = (records: LogRecord[]): string[] => records.map(({ message }) => message);
/** What a further reading of these lines brings that is new. */
const fresh = (...records: LogRecord[]): string[] => {
  const seeker = position.seeker();
  const found = messages(seeker.after(records));
  return seeker.isFound ? found : ['[not found]'];
};
/** What of a further reading was read before. */
const known = (...records: LogRecord[]): string[] => messages(position.alreadyReadFilter()(records));

describe('a further reading', () => {
  it('of an unread log is all new', () => {
    expect(position.isStart).toBe(true);
    expect(fresh(line(1, 'a'), line(1, 'b', 'stderr'))).toEqual(['a', 'b']);
  });

  it('brings what follows', () => {
    advance(line(1, 'a'), line(2, 'b'));
    expect(fresh(line(1, 'a'), line(2, 'b'), line(3, 'c'))).toEqual(['c']);
    expect(fresh(line(2, 'b'))).toEqual([]);
  });

  it('goes on over batches', () => {
    advance(line(1, 'a'), line(2, 'b'));
    const seeker = position.seeker();
    expect(
      [[line(1, 'a')], [line(2, 'b'), line(3, 'c')], [line(4, 'd')]].map((batch) => messages(seeker.after(batch))),
    ).toEqual([[], ['c'], ['d']]);
  });

  it('counts lines of the same instant', () => {
    advance(line(1, 'a'), line(2, 'b'), line(2, 'b', 'stderr'), line(2, 'b'));
    expect(fresh(line(2, 'b'), line(2, 'b', 'stderr'), line(2, 'b'), line(2, 'b'), line(2, 'c'), line(3, 'd'))).toEqual(
      ['b', 'c', 'd'],
    );
  });

  it('goes by the order of the log where the streams are stamped apart', () => {
    advance(line(10, 'out'), line(3, 'err', 'stderr'));
    expect(
      fresh(line(10, 'out'), line(3, 'err', 'stderr'), line(9, 'long ago begun'), line(4, 'err 2', 'stderr')),
    ).toEqual(['long ago begun', 'err 2']);
  });

  it('finds no place in a log that let go of it', () => {
    advance(line(1, 'a'));
    expect(fresh(line(2, 'b'))).toEqual(['[not found]']);
  });

  it('does not change the position, nor another reading', () => {
    advance(line(1, 'a'), line(1, 'b'));
    fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'));
    expect(fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'))).toEqual(['c']);
  });
});

describe("when the engine's clock is set", () => {
  it('back while it is read, nothing is lost or repeated', () => {
    const before = [line(HOUR, 'a'), line(HOUR + 1, 'b')];
    const after = [line(5, 'c'), line(6, 'd')];
    advance(...before, after[0]!);
    expect(fresh(...before, ...after)).toEqual(['d']);
    expect(known(...before, ...after)).toEqual(['a', 'b', 'c']);
  });

  it('back while nobody reads, nothing is lost or repeated', () => {
    advance(line(HOUR, 'a'), line(HOUR + 1, 'b'));
    expect(fresh(line(HOUR, 'a'), line(HOUR + 1, 'b'), line(5, 'c'), line(HOUR, 'd'))).toEqual(['c', 'd']);
  });

  it('back and forth, over the same time', () => {
    advance(line(10, 'a'), line(20, 'b'), line(5, 'c'), line(15, 'd'));
    expect(fresh(line(10, 'a'), line(20, 'b'), line(5, 'c'), line(15, 'd'), line(17, 'e'), line(25, 'f'))).toEqual([
      'e',
      'f',
    ]);
  });

  it('forward, nothing is lost or repeated', () => {
    advance(line(1, 'a'));
    expect(fresh(line(1, 'a'), line(HOUR, 'b'))).toEqual(['b']);
  });

  it('is told by a line that is set back in its own stream, and by none of the other', () => {
    advance(line(10, 'a'), line(5, 'b', 'stderr'));
    expect(
      [line(9, ''), line(10, ''), line(6, '', 'stderr'), line(4, '', 'stderr')].map((record) =>
        position.isOlderThanRead(record),
      ),
    ).toEqual([true, false, false, true]);
  });
});

describe('what was read before', () => {
  it('is told for each stream by itself', () => {
    advance(line(10, 'a'), line(20, 'b'), line(12, 'c', 'stderr'));
    expect(known(line(9, 'z', 'stderr'), line(12, 'c', 'stderr'), line(13, 'd', 'stderr'))).toEqual(['z', 'c']);
    expect(known(line(10, 'a'), line(20, 'b'), line(20, 'e'))).toEqual(['a', 'b']);
  });

  it('is told by its time where the place is not among them, and for a stream that wrote nothing', () => {
    advance(line(10, 'a'), line(20, 'b'));
    expect(
      known(line(8, 'old'), line(15, 'm'), line(21, 'new'), line(9, 'z', 'stderr'), line(15, 'late', 'stderr')),
    ).toEqual(['old', 'm', 'z']);
  });

  it('is what it was when asked', () => {
    advance(line(1, 'a'));
    const read = position.alreadyReadFilter();
    advance(line(2, 'b'));
    expect(messages(read([line(1, 'a'), line(2, 'b')]))).toEqual(['a']);
  });
});

describe('where the place is gone', () => {
  it('later lines of each stream are new', () => {
    advance(line(10, 'a'), line(5, 'b', 'stderr'));
    expect(
      [line(9, ''), line(11, ''), line(6, '', 'stderr'), line(5, '', 'stderr')].map(position.newerFilter()),
    ).toEqual([false, true, true, false]);
  });

  it('the log is read from so far back that a line begun before comes whole', () => {
    expect(position.resumeFrom).toBeUndefined();
    advance(line(60 * SECOND + 5, 'a'));
    expect(position.resumeFrom).toBe(line(50 * SECOND, '').timestamp);
  });
});
