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
/** The new lines in another read of these lines. */
const fresh = (...records: LogRecord[]): string[] => {
  const seeker = position.seeker();
  const found = messages(seeker.after(records));
  return seeker.isFound ? found : ['[not found]'];
};
/** The lines of another read that were read before. */
const known = (...records: LogRecord[]): string[] => messages(position.alreadyReadFilter()(records));

describe('another read of a log', () => {
  it('has only new lines when nothing was read before', () => {
    expect(position.isStart).toBe(true);
    expect(fresh(line(1, 'a'), line(1, 'b', 'stderr'))).toEqual(['a', 'b']);
  });

  it('has the lines after the position', () => {
    advance(line(1, 'a'), line(2, 'b'));
    expect(fresh(line(1, 'a'), line(2, 'b'), line(3, 'c'))).toEqual(['c']);
    expect(fresh(line(2, 'b'))).toEqual([]);
  });

  it('finds the position across batches', () => {
    advance(line(1, 'a'), line(2, 'b'));
    const seeker = position.seeker();
    expect(
      [[line(1, 'a')], [line(2, 'b'), line(3, 'c')], [line(4, 'd')]].map((batch) => messages(seeker.after(batch))),
    ).toEqual([[], ['c'], ['d']]);
  });

  it('counts lines with the same timestamp', () => {
    advance(line(1, 'a'), line(2, 'b'), line(2, 'b', 'stderr'), line(2, 'b'));
    expect(fresh(line(2, 'b'), line(2, 'b', 'stderr'), line(2, 'b'), line(2, 'b'), line(2, 'c'), line(3, 'd'))).toEqual(
      ['b', 'c', 'd'],
    );
  });

  it('goes by the order of the lines when the timestamps of the streams differ', () => {
    advance(line(10, 'out'), line(3, 'err', 'stderr'));
    expect(
      fresh(line(10, 'out'), line(3, 'err', 'stderr'), line(9, 'begun long before'), line(4, 'err 2', 'stderr')),
    ).toEqual(['begun long before', 'err 2']);
  });

  it('does not find a position that is no longer in the log', () => {
    advance(line(1, 'a'));
    expect(fresh(line(2, 'b'))).toEqual(['[not found]']);
  });

  it('changes neither the position nor other reads', () => {
    advance(line(1, 'a'), line(1, 'b'));
    fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'));
    expect(fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'))).toEqual(['c']);
  });
});

describe("a change of the engine's clock", () => {
  it('back during a read loses and repeats nothing', () => {
    const before = [line(HOUR, 'a'), line(HOUR + 1, 'b')];
    const after = [line(5, 'c'), line(6, 'd')];
    advance(...before, after[0]!);
    expect(fresh(...before, ...after)).toEqual(['d']);
    expect(known(...before, ...after)).toEqual(['a', 'b', 'c']);
  });

  it('back between two reads loses and repeats nothing', () => {
    advance(line(HOUR, 'a'), line(HOUR + 1, 'b'));
    expect(fresh(line(HOUR, 'a'), line(HOUR + 1, 'b'), line(5, 'c'), line(HOUR, 'd'))).toEqual(['c', 'd']);
  });

  it('back and forth over the same time loses and repeats nothing', () => {
    advance(line(10, 'a'), line(20, 'b'), line(5, 'c'), line(15, 'd'));
    expect(fresh(line(10, 'a'), line(20, 'b'), line(5, 'c'), line(15, 'd'), line(17, 'e'), line(25, 'f'))).toEqual([
      'e',
      'f',
    ]);
  });

  it('forward loses and repeats nothing', () => {
    advance(line(1, 'a'));
    expect(fresh(line(1, 'a'), line(HOUR, 'b'))).toEqual(['b']);
  });

  it('is detected by an older timestamp in the same stream only', () => {
    advance(line(10, 'a'), line(5, 'b', 'stderr'));
    expect(
      [line(9, ''), line(10, ''), line(6, '', 'stderr'), line(4, '', 'stderr')].map((record) =>
        position.isOlderThanRead(record),
      ),
    ).toEqual([true, false, false, true]);
  });
});

describe('the lines that were read before', () => {
  it('are found for each stream separately', () => {
    advance(line(10, 'a'), line(20, 'b'), line(12, 'c', 'stderr'));
    expect(known(line(9, 'z', 'stderr'), line(12, 'c', 'stderr'), line(13, 'd', 'stderr'))).toEqual(['z', 'c']);
    expect(known(line(10, 'a'), line(20, 'b'), line(20, 'e'))).toEqual(['a', 'b']);
  });

  it('are found by timestamp when the position is missing or the stream had no lines', () => {
    advance(line(10, 'a'), line(20, 'b'));
    expect(
      known(line(8, 'old'), line(15, 'm'), line(21, 'new'), line(9, 'z', 'stderr'), line(15, 'late', 'stderr')),
    ).toEqual(['old', 'm', 'z']);
  });

  it('are those that were read when the filter was created', () => {
    advance(line(1, 'a'));
    const read = position.alreadyReadFilter();
    advance(line(2, 'b'));
    expect(messages(read([line(1, 'a'), line(2, 'b')]))).toEqual(['a']);
  });
});

describe('a position that is no longer in the log', () => {
  it('makes the later lines of each stream new', () => {
    advance(line(10, 'a'), line(5, 'b', 'stderr'));
    expect(
      [line(9, ''), line(11, ''), line(6, '', 'stderr'), line(5, '', 'stderr')].map(position.newerFilter()),
    ).toEqual([false, true, true, false]);
  });

  it('is resumed from early enough to include lines whose writing began before', () => {
    expect(position.resumeFrom).toBeUndefined();
    advance(line(60 * SECOND + 5, 'a'));
    expect(position.resumeFrom).toBe(line(50 * SECOND, '').timestamp);
  });
});
