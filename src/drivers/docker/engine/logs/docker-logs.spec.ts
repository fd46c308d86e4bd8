import { describe, expect, it } from '@jest/globals';
import type Dockerode from 'dockerode';
import { PassThrough, Readable } from 'node:stream';
import type { LogRecord, LogRequest } from '../../../workspace-logs.js';
import { readLogs } from './docker-logs.js';

const T = '2030-01-01T00:00:00.000000001Z';

function frame(type: number, text: string): Buffer {
  const header = Buffer.alloc(8);
  header[0] = type;
  header.writeUInt32BE(Buffer.byteLength(text), 4);
  return Buffer.concat([header, Buffer.from(text)]);
}

function dockerWith(stream: PassThrough, afterMs = 0): { docker: Dockerode; queries: Record<string, unknown>[] } {
  const queries: Record<string, unknown>[] = [];
  const logs = async (options: { _query: Record<string, unknown> }): Promise<PassThrough> => {
    queries.push(options._query);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    return stream;
  };
  return { docker: { getContainer: () => ({ logs }) } as unknown as Dockerode, queries };
}

function request(more: Partial<LogRequest> = {}): LogRequest {
  return { follow: true, stdout: true, stderr: true, signal: new AbortController().signal, ...more };
}

async function all(lines: AsyncIterable<LogRecord[]>): Promise<string[]> {
  const seen: string[] = [];
  for await (const batch of lines) seen.push(...batch.map(({ message }) => message));
  return seen;
}

describe('readLogs', () => {
  it('reads to the end, including a last line without a line break', async () => {
    const stream = new PassThrough();
    stream.end(Buffer.concat([frame(1, `${T} one\n`), frame(1, `${T} two`)]));
    await expect(all(readLogs(dockerWith(stream).docker, 'id', request()))).resolves.toEqual(['one', 'two']);
  });

  it.each([
    ['2030-01-01T00:00:00.123456789Z', '1893456000.123456789'],
    ['2030-01-01T00:00:00Z', '1893456000.000000000'],
    ['2030-01-01T02:00:00.5+02:00', '1893456000.500000000'],
    ['2029-12-31T23:30:00-00:30', '1893456000.000000000'],
  ])('asks for logs since %s to the nanosecond', async (since, seconds) => {
    const stream = new PassThrough();
    stream.end();
    const { docker, queries } = dockerWith(stream);
    await all(readLogs(docker, 'id', request({ since, until: since, tail: 3 })));
    expect(queries).toEqual([
      { follow: true, stdout: true, stderr: true, timestamps: true, tail: 3, since: seconds, until: seconds },
    ]);
  });

  it('asks Podman in its format of a time, and for no more lines than it has room for', async () => {
    const stream = new PassThrough();
    stream.end();
    const { docker, queries } = dockerWith(stream);
    const engine = { times: 'rfc3339', maxTail: 100 } as const;
    await all(
      readLogs(docker, 'id', request({ follow: false, tail: 200, since: '2030-01-01T02:00:00.5+02:00' }), engine),
    );
    expect(queries).toEqual([
      { follow: false, stdout: true, stderr: true, timestamps: true, since: '2030-01-01T00:00:00.500000000Z' },
    ]);
  });

  it('rejects an invalid time', async () => {
    await expect(
      all(readLogs(dockerWith(new PassThrough()).docker, 'id', request({ since: 'yesterday' }))),
    ).rejects.toMatchObject({ code: 'invalid' });
  });

  it('yields the lines before an error of the engine, and then fails', async () => {
    const stream = new PassThrough();
    stream.end(Buffer.concat([frame(1, `${T} one\n`), frame(3, 'Error grabbing logs: EOF\n')]));
    const lines = readLogs(dockerWith(stream).docker, 'id', request());
    await expect(lines.next()).resolves.toMatchObject({ value: [{ message: 'one' }] });
    await expect(lines.next()).rejects.toMatchObject({ code: 'failed' });
  });

  it('fails as unavailable when the connection breaks', async () => {
    const stream = new PassThrough();
    stream.write(frame(1, `${T} one\n`));
    const lines = readLogs(dockerWith(stream).docker, 'id', request());
    await lines.next();
    stream.destroy(new Error('ECONNRESET'));
    await expect(lines.next()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('closes the stream when the reader stops', async () => {
    const stream = new PassThrough();
    stream.write(frame(1, `${T} one\n`));
    for await (const _ of readLogs(dockerWith(stream).docker, 'id', request())) break;
    expect(stream.destroyed).toBe(true);
  });

  it('ends when the signal aborts, also while it waits for a line', async () => {
    const stream = new PassThrough();
    const stopped = new AbortController();
    const reading = all(readLogs(dockerWith(stream).docker, 'id', request({ signal: stopped.signal })));
    setTimeout(() => stopped.abort(), 5);
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect(stream.destroyed).toBe(true);
  });

  it('closes a stream that opens after the signal has aborted', async () => {
    const stream = new PassThrough();
    const stopped = new AbortController();
    const reading = all(readLogs(dockerWith(stream, 20).docker, 'id', request({ signal: stopped.signal })));
    stopped.abort();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(stream.destroyed).toBe(true);
  });
});

describe('reading the latest lines', () => {
  const ENTRY_BYTES = 16 * 1024;
  const at = (second: number): string => `2030-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`;
  const long = (second: number, letter: string, pieces: number): Buffer[] => [
    ...Array.from({ length: pieces }, () => frame(1, `${at(second)} ${letter.repeat(ENTRY_BYTES)}`)),
    frame(1, `${at(second)} end of ${letter}`),
  ];

  /** An engine that takes its tail from the entries of the log, whatever they are. */
  function engineWith(entries: Buffer[]): { docker: Dockerode; tails: (number | undefined)[] } {
    const tails: (number | undefined)[] = [];
    const logs = async ({ _query: { tail } }: { _query: { tail?: number } }): Promise<Readable> => {
      tails.push(tail);
      return Readable.from(tail === undefined ? entries : entries.slice(-tail));
    };
    return { docker: { getContainer: () => ({ logs }) } as unknown as Dockerode, tails };
  }

  const latest = async (
    entries: Buffer[],
    more: Partial<LogRequest>,
  ): Promise<{ lines: string[]; tails: (number | undefined)[] }> => {
    const { docker, tails } = engineWith(entries);
    const lines = await all(readLogs(docker, 'id', request({ follow: false, ...more })));
    return { lines: lines.map((line) => line.slice(-8)), tails };
  };
  const short = Array.from({ length: 50 }, (_, index) => frame(1, `${at(index)} ${index}\n`));

  it('yields as many as requested', async () => {
    await expect(latest(short, { tail: 3 })).resolves.toEqual({ lines: ['47', '48', '49'], tails: [5] });
    await expect(latest(short, { tail: 0 })).resolves.toEqual({ lines: [], tails: [2] });
  });

  it('yields all when the log has no more, including the first', async () => {
    await expect(latest(short.slice(0, 2), { tail: 3 })).resolves.toEqual({ lines: ['0', '1'], tails: [5] });
  });

  it('counts lines, not entries, and begins with a whole line', async () => {
    const entries = [...short, ...long(51, 'a', 3), ...long(52, 'b', 30), ...long(53, 'c', 20)];
    await expect(latest(entries, { tail: 1 })).resolves.toMatchObject({ lines: ['end of c'] });
    await expect(latest(entries, { tail: 3 })).resolves.toMatchObject({ lines: ['end of a', 'end of b', 'end of c'] });
    await expect(latest(entries, { tail: 4 })).resolves.toMatchObject({
      lines: ['49', 'end of a', 'end of b', 'end of c'],
      tails: [6, 6 * 66],
    });
  });

  it('counts within the requested stream and time', async () => {
    const mixed = short.map((entry, index) => (index % 10 === 0 ? frame(2, `${at(index)} wrong ${index}\n`) : entry));
    await expect(latest(mixed, { tail: 2, stdout: false })).resolves.toMatchObject({ lines: ['wrong 30', 'wrong 40'] });
    await expect(latest(mixed, { tail: 2, until: '2030-01-01T01:00:11+01:00' })).resolves.toMatchObject({
      lines: ['wrong 10', '11'],
    });
  });
});
