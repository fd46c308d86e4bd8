import { describe, expect, it } from '@jest/globals';
import type Dockerode from 'dockerode';
import { PassThrough } from 'node:stream';
import type { LogRecord, LogRequest } from '../container-runtime.js';
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
  it('reads to the end, with what has no line break', async () => {
    const stream = new PassThrough();
    stream.end(Buffer.concat([frame(1, `${T} one\n`), frame(1, `${T} two`)]));
    await expect(all(readLogs(dockerWith(stream).docker, 'id', request()))).resolves.toEqual(['one', 'two']);
  });

  it.each([
    ['2030-01-01T00:00:00.123456789Z', '1893456000.123456789'],
    ['2030-01-01T00:00:00Z', '1893456000.000000000'],
    ['2030-01-01T02:00:00.5+02:00', '1893456000.500000000'],
    ['2029-12-31T23:30:00-00:30', '1893456000.000000000'],
  ])('asks since %s to the nanosecond', async (since, seconds) => {
    const stream = new PassThrough();
    stream.end();
    const { docker, queries } = dockerWith(stream);
    await all(readLogs(docker, 'id', request({ since, until: since, tail: 3 })));
    expect(queries).toEqual([{ follow: true, stdout: true, stderr: true, timestamps: true, tail: 3, since: seconds, until: seconds }]);
  });

  it('refuses what is no instant', async () => {
    await expect(all(readLogs(dockerWith(new PassThrough()).docker, 'id', request({ since: 'yesterday' })))).rejects.toMatchObject({ code: 'invalid' });
  });

  it('fails when the engine says that it cannot go on, after the lines before', async () => {
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

  it('lets go of the stream when the reader leaves', async () => {
    const stream = new PassThrough();
    stream.write(frame(1, `${T} one\n`));
    for await (const _ of readLogs(dockerWith(stream).docker, 'id', request())) break;
    expect(stream.destroyed).toBe(true);
  });

  it('gives up when told to, also while it waits for a line', async () => {
    const stream = new PassThrough();
    const left = new AbortController();
    const reading = all(readLogs(dockerWith(stream).docker, 'id', request({ signal: left.signal })));
    setTimeout(() => left.abort(), 5);
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    expect(stream.destroyed).toBe(true);
  });

  it('lets go of a stream that comes after it gave up', async () => {
    const stream = new PassThrough();
    const left = new AbortController();
    const reading = all(readLogs(dockerWith(stream, 20).docker, 'id', request({ signal: left.signal })));
    left.abort();
    await expect(reading).rejects.toMatchObject({ code: 'aborted' });
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(stream.destroyed).toBe(true);
  });
});
