import { describe, expect, it } from '@jest/globals';
import type { LogRecord } from '../container-runtime.js';
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

/** A line as the engine stores it: cut into entries of 16 KiB that share the timestamp of the first. */
function entries(stream: LogRecord['stream'], timestamp: string, text: string): Buffer[] {
  const bytes = Buffer.from(text);
  const cut: Buffer[] = [];
  let at = 0;
  for (; bytes.length - at >= ENTRY_BYTES; at += ENTRY_BYTES) cut.push(entry(stream, timestamp, bytes.subarray(at, at + ENTRY_BYTES)));
  cut.push(entry(stream, timestamp, Buffer.concat([bytes.subarray(at), Buffer.from('\n')])));
  return cut;
}

function read(...chunks: Buffer[]): LogRecord[] {
  const frames = new LogFrames();
  return [...chunks.flatMap((chunk) => frames.push(chunk)), ...frames.end()];
}

const short = Buffer.concat([entry('stdout', T1, 'é€🚀\n'), entry('stderr', T1, 'wrong\r\n'), entry('stdout', T2, '\n'), entry('stdout', T2, ' two  words \n')]);
const shortRecords = [
  { stream: 'stdout', timestamp: T1, message: 'é€🚀' },
  { stream: 'stderr', timestamp: T1, message: 'wrong' },
  { stream: 'stdout', timestamp: T2, message: '' },
  { stream: 'stdout', timestamp: T2, message: ' two  words ' },
];

describe('frames', () => {
  it('are taken apart', () => expect(read(short)).toEqual(shortRecords));

  it('may be split at any byte', () => {
    for (let at = 0; at <= short.length; at++) expect(read(short.subarray(0, at), short.subarray(at))).toEqual(shortRecords);
    expect(read(...Array.from(short, (byte) => Buffer.of(byte)))).toEqual(shortRecords);
  });

  it('hand a line out as soon as it is complete', () => {
    const frames = new LogFrames();
    expect(frames.push(short.subarray(0, short.length - 1))).toEqual(shortRecords.slice(0, 3));
    expect(frames.push(short.subarray(short.length - 1))).toEqual(shortRecords.slice(3));
    expect(frames.end()).toEqual([]);
  });

  it('do not keep the chunk they came in', () => {
    const frames = new LogFrames();
    const chunk = Buffer.concat([entry('stdout', T1, 'part'), frame(1, 'xxxxxxxx').subarray(0, 12)]);
    frames.push(chunk);
    chunk.fill(0x21);
    expect(frames.end()).toEqual([{ stream: 'stdout', timestamp: T1, message: 'part' }]);
  });

  it('in which the engine tells that it cannot go on are no lines but a failure', () => {
    const frames = new LogFrames();
    const chunk = Buffer.concat([entry('stdout', T1, 'last\n'), frame(3, 'Error grabbing logs: unexpected EOF\n')]);
    expect(frames.push(chunk)).toEqual([{ stream: 'stdout', timestamp: T1, message: 'last' }]);
    const failure = expect.objectContaining({ code: 'failed', message: 'Error grabbing logs: unexpected EOF' });
    expect(() => frames.end()).toThrow(failure);
    expect(() => frames.push(short)).toThrow(failure);
  });
});

describe('long lines', () => {
  it.each([ENTRY_BYTES - 1, ENTRY_BYTES, ENTRY_BYTES + 1, 3 * ENTRY_BYTES, 100_000])('of %i bytes are put together', (length) => {
    const text = 'x'.repeat(length);
    expect(read(...entries('stdout', T1, text))).toEqual([{ stream: 'stdout', timestamp: T1, message: text }]);
  });

  it.each([0, 1, 2, 3])('are cut in no character (%i)', (shift) => {
    const text = 'x'.repeat(shift) + '🚀'.repeat(20_000) + '€'.repeat(20_000);
    expect(read(...entries('stderr', T1, text))[0]!.message === text).toBe(true);
  });

  it('lose the carriage return before their line break', () => {
    const text = 'x'.repeat(20_000);
    expect(read(...entries('stdout', T1, `${text}\r`))[0]!.message).toBe(text);
    expect(read(...entries('stdout', T1, `${'x'.repeat(ENTRY_BYTES - 1)}\r`))[0]!.message).toBe('x'.repeat(ENTRY_BYTES - 1));
  });

  it('of both streams do not mix', () => {
    const [out, err] = [entries('stdout', T1, 'o'.repeat(40_000)), entries('stderr', T2, 'e'.repeat(40_000))];
    const mixed = out.flatMap((part, at) => [part, err[at]!]);
    expect(read(...mixed).map(({ stream, message }) => [stream, message.length, new Set(message).size])).toEqual([
      ['stdout', 40_000, 1],
      ['stderr', 40_000, 1],
    ]);
  });

  it('of one MiB are one line', () => {
    const text = 'x'.repeat(MIB);
    expect(read(...entries('stdout', T1, text)).map(({ message }) => message.length)).toEqual([MIB]);
  });

  it.each([0, 1, 2, 3])('over one MiB come in pieces, which cut no character (%i)', (shift) => {
    const text = 'x'.repeat(shift) + '🚀'.repeat(700_000);
    const records = read(...entries('stdout', T1, text));
    expect(records.length).toBe(3);
    for (const { message } of records) expect(Buffer.byteLength(message)).toBeLessThanOrEqual(MIB);
    expect(records.map(({ message }) => message).join('') === text).toBe(true);
    expect(new Set(records.map(({ timestamp }) => timestamp))).toEqual(new Set([T1]));
  });
});

describe('what was written last without a line break', () => {
  it('is a line when the stream ends', () => {
    expect(read(entry('stdout', T1, 'a prompt '), entry('stderr', T2, 'half'))).toEqual([
      { stream: 'stdout', timestamp: T1, message: 'a prompt ' },
      { stream: 'stderr', timestamp: T2, message: 'half' },
    ]);
  });

  it('is not continued by what the next process writes first', () => {
    expect(read(entry('stdout', T1, 'a prompt '), entry('stdout', T2, 'started\n'))).toEqual([
      { stream: 'stdout', timestamp: T1, message: 'a prompt ' },
      { stream: 'stdout', timestamp: T2, message: 'started' },
    ]);
  });
});
