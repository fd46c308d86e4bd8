import { beforeEach, describe, expect, it } from '@jest/globals';
import { line } from '../../test/support/logs/fake-log-engine.js';
import type { LogRecord } from '../runtime/container-runtime.js';
import { LogPosition } from './log-position.js';

const SECOND = 1e9;

let position: LogPosition;

beforeEach(() => {
  position = new LogPosition();
});

const advance = (...records: LogRecord[]): void => records.forEach((record) => position.advance(record));
/** What a further reading of these lines brings that is new. */
const fresh = (...records: LogRecord[]): string[] => {
  const isKnown = position.skipper();
  return records.filter((record) => !isKnown(record)).map(({ message }) => message);
};

describe('where to read on', () => {
  it('is nowhere when nothing was read', () => expect(position.resumeFrom).toBeUndefined());

  it('is the last line of the stream that is behind', () => {
    advance(line(10, 'a'), line(30, 'b', 'stderr'), line(20, 'c'));
    expect(position.resumeFrom).toBe(line(20, '').timestamp);
  });

  it('is two seconds back at most', () => {
    advance(line(0, 'a', 'stderr'), line(10 * SECOND + 123, 'b'));
    expect(position.resumeFrom).toBe(line(8 * SECOND, '').timestamp);
  });

  it('is the first line for a stream that wrote nothing, which may have been stamped before the latest of the other', () => {
    advance(line(10, 'a'), line(20, 'b'));
    expect(position.resumeFrom).toBe(line(10, '').timestamp);
    expect(fresh(line(10, 'a'), line(19, 'late', 'stderr'), line(20, 'b'), line(21, 'c'))).toEqual(['late', 'c']);
  });
});

describe('a further reading', () => {
  it('of an unread log is all new', () => expect(fresh(line(1, 'a'), line(1, 'b', 'stderr'))).toEqual(['a', 'b']));

  it('brings what follows', () => {
    advance(line(1, 'a'), line(2, 'b'));
    expect(fresh(line(1, 'a'), line(2, 'b'), line(3, 'c'))).toEqual(['c']);
    expect(fresh(line(3, 'c'))).toEqual(['c']);
  });

  it('counts lines of the same instant', () => {
    advance(line(1, 'a'), line(2, 'b'), line(2, 'b'));
    expect(fresh(line(2, 'b'), line(2, 'b'), line(2, 'b'), line(2, 'c'), line(3, 'd'))).toEqual(['b', 'c', 'd']);
  });

  it('takes each stream for itself', () => {
    advance(line(5, 'out'), line(3, 'err', 'stderr'));
    expect(fresh(line(3, 'err', 'stderr'), line(4, 'err 2', 'stderr'), line(5, 'out'), line(5, 'out 2'))).toEqual(['err 2', 'out 2']);
  });

  it('knows what a stream wrote before the log was first read', () => {
    advance(line(10, 'a'));
    expect(fresh(line(9, 'old', 'stderr'), line(10, 'new', 'stderr'))).toEqual(['new']);
  });

  it('does not change the position, nor another reading', () => {
    advance(line(1, 'a'), line(1, 'b'));
    fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'));
    expect(fresh(line(1, 'a'), line(1, 'b'), line(1, 'c'))).toEqual(['c']);
    const isKnown = position.skipper();
    advance(line(2, 'later'));
    expect(isKnown(line(2, 'later'))).toBe(false);
  });
});
