import { describe, expect, it } from '@jest/globals';
import type { LogRecord } from '../../../workspace-logs.js';
import { LogFrames } from './log-frames.js';

const T1 = '2030-01-01T00:00:00.000000001Z';
const T2 = '2030-01-01T00:00:00.000000002Z';
const ENTRY_BYTES = 16 * 1024;
const MIB = 1024 * 1024;

function frame(type: number, body: Buffer | string): Buffer {
  const bytes = Buffer.from(body);
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

function entry(stream: LogRecord['stream'], timestamp: string, bytes: Buffer | string): Buffer {
  return frame(stream === 'stdout' ? 1 : 2, Buffer.concat([Buffer.from(`${timestamp} `), Buffer.from(bytes)]));
}

type Driver = 'json-file' | 'local';

/**
 * A line as the engine stores it: cut into entries of 16 KiB that share the timestamp of the first. The `local` driver
 * leaves out the line break of a line that it cut.
 */
function entries(stream: LogRecord['stream'], timestamp: string, text: string, driver: Driver = 'json-file'): Buffer[] {
  const bytes = Buffer.from(text);
  const cut: Buffer[] = [];
  let at = 0;
  for (; bytes.length - at >= ENTRY_BYTES; at += ENTRY_BYTES)
    cut.push(entry(stream, timestamp, bytes.subarray(at, at + ENTRY_BYTES)));
  const end = driver === 'local' && cut.length > 0 ? '' : '\n';
  cut.push(entry(stream, timestamp, Buffer.concat([bytes.subarray(at), Buffer.from(end)])));
  return cut;
}

function read(...chunks: Buffer[]): LogRecord[] {
  const frames = new LogFrames();
  return [...chunks.flatMap((chunk) => frames.push(chunk)), ...frames.end()];
}

const short = Buffer.concat([
  entry('stdout', T1, 'é€🚀\n'),
  entry('stderr', T1, 'wrong\r\n'),
  entry('stdout', T2, '\n'),
  entry('stdout', T2, ' two  words \n'),
]);
const shortRecords = [
  { stream: 'stdout', timestamp: T1, message: 'é€🚀' },
  { stream: 'stderr', timestamp: T1, message: 'wrong' },
  { stream: 'stdout', timestamp: T2, message: '' },
  { stream: 'stdout', timestamp: T2, message: ' two  words ' },
];

describe('log frames', () => {
  it('are read as lines', () => expect(read(short)).toEqual(shortRecords));

  it('have the same form of timestamp, whatever zone and fraction the engine writes', () => {
    const records = read(
      entry('stdout', '2030-01-01T02:00:00+02:00', 'one\n'),
      entry('stdout', '2030-01-01T00:00:01Z', 'two\n'),
    );
    expect(records.map(({ timestamp }) => timestamp)).toEqual([
      '2030-01-01T00:00:00.000000000Z',
      '2030-01-01T00:00:01.000000000Z',
    ]);
  });

  it('may be split at any byte', () => {
    for (let at = 0; at <= short.length; at++)
      expect(read(short.subarray(0, at), short.subarray(at))).toEqual(shortRecords);
    expect(read(...Array.from(short, (byte) => Buffer.of(byte)))).toEqual(shortRecords);
  });

  it('yield a line as soon as it is complete', () => {
    const frames = new LogFrames();
    expect(frames.push(short.subarray(0, short.length - 1))).toEqual(shortRecords.slice(0, 3));
    expect(frames.push(short.subarray(short.length - 1))).toEqual(shortRecords.slice(3));
    expect(frames.end()).toEqual([]);
  });

  it('do not keep their chunk in memory', () => {
    const frames = new LogFrames();
    const chunk = Buffer.concat([entry('stdout', T1, 'p'.repeat(ENTRY_BYTES)), frame(1, 'xxxxxxxx').subarray(0, 12)]);
    frames.push(chunk);
    chunk.fill(0x21);
    expect(frames.end()).toEqual([
      { stream: 'stdout', timestamp: T1, message: 'p'.repeat(ENTRY_BYTES), isUnfinished: true },
    ]);
  });

  it('with an error of the engine fail instead of yielding lines', () => {
    const frames = new LogFrames();
    const chunk = Buffer.concat([entry('stdout', T1, 'last\n'), frame(3, 'Error grabbing logs: unexpected EOF\n')]);
    expect(frames.push(chunk)).toEqual([{ stream: 'stdout', timestamp: T1, message: 'last' }]);
    const failure = expect.objectContaining({ code: 'failed', message: 'Error grabbing logs: unexpected EOF' });
    expect(() => frames.end()).toThrow(failure);
    expect(() => frames.push(short)).toThrow(failure);
  });
});

describe.each<[Driver]>([['json-file'], ['local']])('long lines of the %s driver', (driver) => {
  const long = (text: string, timestamp = T1, stream: LogRecord['stream'] = 'stdout'): Buffer[] =>
    entries(stream, timestamp, text, driver);
  const messages = (...chunks: Buffer[]): string[] => read(...chunks).map(({ message }) => message);

  it.each([ENTRY_BYTES - 1, ENTRY_BYTES, ENTRY_BYTES + 1, 3 * ENTRY_BYTES, 100_000])(
    'of %i bytes are put together',
    (length) => {
      const text = 'x'.repeat(length);
      expect(read(...long(text))).toEqual([{ stream: 'stdout', timestamp: T1, message: text }]);
    },
  );

  it('are yielded one by one as soon as they are complete, also with the same timestamp', () => {
    const frames = new LogFrames();
    const texts = ['a', 'b', 'c'].flatMap((letter) => [letter.repeat(2 * ENTRY_BYTES), letter.repeat(40_000), letter]);
    for (const text of texts)
      expect(
        long(text)
          .flatMap((chunk) => frames.push(chunk))
          .map(({ message }) => message === text),
      ).toEqual([true]);
    expect(frames.end()).toEqual([]);
  });

  it.each([0, 1, 2, 3])('are not split inside a character (%i)', (shift) => {
    const text = 'x'.repeat(shift) + '🚀'.repeat(20_000) + '€'.repeat(20_000);
    expect(read(...long(text, T1, 'stderr'))[0]!.message === text).toBe(true);
  });

  it('lose the carriage return before their line break', () => {
    const text = 'x'.repeat(20_000);
    expect(messages(...long(`${text}\r`))).toEqual([text]);
    expect(messages(...long(`${'x'.repeat(ENTRY_BYTES - 1)}\r`))).toEqual(['x'.repeat(ENTRY_BYTES - 1)]);
    expect(messages(...long(`${'x'.repeat(ENTRY_BYTES)}\r`))).toEqual(['x'.repeat(ENTRY_BYTES)]);
    expect(messages(...long('x\r'))).toEqual(['x']);
  });

  it('of the two streams are not mixed', () => {
    const [out, err] = [long('o'.repeat(40_000)), long('e'.repeat(40_000), T2, 'stderr')];
    const mixed = out.flatMap((part, at) => [part, err[at]!]);
    expect(read(...mixed).map(({ stream, message }) => [stream, message.length, new Set(message).size])).toEqual([
      ['stdout', 40_000, 1],
      ['stderr', 40_000, 1],
    ]);
  });

  it('of up to 1 MiB are one line', () => {
    const text = 'x'.repeat(MIB);
    expect(messages(...long(text)).map(({ length }) => length)).toEqual([MIB]);
  });

  it.each([0, 1, 2, 3])('over 1 MiB arrive in pieces that split no character (%i)', (shift) => {
    const text = 'x'.repeat(shift) + '🚀'.repeat(700_000);
    const records = read(...long(text));
    expect(records.length).toBe(3);
    for (const { message } of records) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(MIB);
    expect(records.map(({ message }) => message).join('') === text).toBe(true);
    expect(new Set(records.map(({ timestamp }) => timestamp))).toEqual(new Set([T1]));
  });
});

describe('the last output of a process, without a line break', () => {
  it('is a line without further waiting', () => {
    const frames = new LogFrames();
    expect([...frames.push(entry('stdout', T1, 'a prompt \r')), ...frames.push(entry('stderr', T2, 'half'))]).toEqual([
      { stream: 'stdout', timestamp: T1, message: 'a prompt \r' },
      { stream: 'stderr', timestamp: T2, message: 'half' },
    ]);
    expect(frames.end()).toEqual([]);
  });

  it('ends a long line', () => {
    const chunks = [entry('stdout', T1, 'x'.repeat(ENTRY_BYTES)), entry('stdout', T1, 'the rest')];
    expect(read(...chunks).map(({ message }) => message.slice(ENTRY_BYTES))).toEqual(['the rest']);
  });

  it('is unfinished while more may follow, and not continued by the next process', () => {
    const full = 'x'.repeat(ENTRY_BYTES);
    expect(read(entry('stdout', T1, full), entry('stderr', T1, full))).toEqual([
      { stream: 'stdout', timestamp: T1, message: full, isUnfinished: true },
      { stream: 'stderr', timestamp: T1, message: full, isUnfinished: true },
    ]);
    expect(read(entry('stdout', T1, full), entry('stdout', T2, 'started\n'))).toEqual([
      { stream: 'stdout', timestamp: T1, message: full },
      { stream: 'stdout', timestamp: T2, message: 'started' },
    ]);
  });
});

describe('reading from the middle of the log', () => {
  const T0 = '2030-01-01T00:00:00.000000000Z';
  const headless = (...chunks: Buffer[]): boolean[] => {
    const frames = new LogFrames();
    return chunks.flatMap((chunk) => frames.push(chunk)).map((record) => frames.mayLackBeginning(record));
  };

  it('marks lines that may lack their beginning: the first, and an older one of the other stream', () => {
    expect(
      headless(
        entry('stdout', T1, 'end of a line\n'),
        entry('stderr', T0, 'end of another\n'),
        entry('stdout', T1, 'whole\n'),
        entry('stderr', T1, 'whole\n'),
      ),
    ).toEqual([true, true, false, false]);
    expect(headless(entry('stdout', T1, 'end of a line\n'), entry('stderr', T2, 'whole\n'))).toEqual([true, false]);
  });

  it('counts the entries', () => {
    const frames = new LogFrames();
    for (const chunk of [...entries('stdout', T1, 'x'.repeat(40_000)), short]) frames.push(chunk);
    expect(frames.entries).toBe(3 + 4);
  });
});
