import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { LogRecord, LogRequest } from '../../src/drivers/workspace-logs.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { until } from './docker-engine-harness.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, workspacesOf } from './workspace-driver-harness.js';

const KIB = 1024;
const ENTRY = 16 * KIB;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
/** As long as a line may be; no character of it ends at a multiple of a power of two for long. */
const WIDE = 'é€🚀'.repeat(Math.floor((KIB * KIB) / 9));

describe.each(DRIVERS)('logs of the %s driver', (_, make) => {
  const harness = make();
  const exactly = harness.logs === 'exact' ? it : it.skip;
  const { driver } = harness;
  const { created, started, removeAll } = workspacesOf(harness);
  const opened: AbortController[] = [];

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);
  afterEach(() => opened.splice(0).forEach((each) => each.abort()));
  afterAll(removeAll);

  function request(more: Partial<LogRequest> = {}): LogRequest {
    const abort = new AbortController();
    opened.push(abort);
    return { follow: false, stdout: true, stderr: true, signal: abort.signal, ...more };
  }

  async function records(ref: WorkspaceRef, more: Partial<LogRequest> = {}): Promise<LogRecord[]> {
    const all: LogRecord[] = [];
    for await (const batch of driver.logs(ref, request(more))) all.push(...batch);
    return all;
  }

  const read = async (ref: WorkspaceRef, more: Partial<LogRequest> = {}): Promise<string[]> =>
    (await records(ref, more)).map(({ message }) => message);

  /** Writes, and waits until the engine has as many lines more. */
  async function write(
    ref: WorkspaceRef,
    output: string,
    stream: LogRecord['stream'] = 'stdout',
    lines = output.split('\n').length - 1,
  ): Promise<void> {
    const { length } = await records(ref);
    await harness.write(ref, stream, output);
    await until(async () => (await records(ref)).length >= length + lines);
  }

  /** Follows until the container stops, or the test is over. */
  function following(ref: WorkspaceRef, more: Partial<LogRequest> = {}): { lines: string[]; ended: Promise<unknown> } {
    const lines: string[] = [];
    const follow = async (): Promise<void> => {
      for await (const batch of driver.logs(ref, request({ follow: true, ...more })))
        lines.push(...batch.map(({ message }) => message));
    };
    return { lines, ended: follow().catch((error: unknown) => error) };
  }

  it('are the lines of both streams in the order in which the engine received them', async () => {
    const ref = await started();
    for (const at of [1, 2, 3]) {
      await write(ref, `out ${at}\n`);
      await write(ref, `err ${at}\n`, 'stderr');
    }
    const all = await records(ref);
    expect(all.map(({ stream, message }) => `${stream} ${message}`)).toEqual(
      [1, 2, 3].flatMap((at) => [`stdout out ${at}`, `stderr err ${at}`]),
    );
    expect(all.map(({ timestamp }) => timestamp)).toEqual(all.map(() => expect.stringMatching(TIMESTAMP)));
    expect(all.map(({ timestamp }) => timestamp)).toEqual(all.map(({ timestamp }) => timestamp).toSorted());
    await expect(read(ref, { stderr: false })).resolves.toEqual(['out 1', 'out 2', 'out 3']);
    await expect(read(ref, { stdout: false })).resolves.toEqual(['err 1', 'err 2', 'err 3']);
  });

  it('can be limited to the latest lines of the requested streams', async () => {
    const ref = await started();
    await write(ref, 'early\n', 'stderr');
    await write(ref, Array.from({ length: 300 }, (__, at) => `${at}\n`).join(''));
    await expect(read(ref, { tail: 3 })).resolves.toEqual(['297', '298', '299']);
    await expect(read(ref, { tail: 1, stdout: false })).resolves.toEqual(['early']);
    await expect(read(ref, { tail: 0 })).resolves.toEqual([]);
    await expect(read(ref, { tail: 301 })).resolves.toHaveLength(301);
    await expect(read(ref, { tail: 5_000 })).resolves.toHaveLength(301);
  });

  exactly('begin and end at the requested times, to the nanosecond', async () => {
    const ref = await started();
    await write(ref, 'a\nb\nc\nd\n');
    const [, b, c] = await records(ref);
    await expect(read(ref, { since: b!.timestamp })).resolves.toEqual(['b', 'c', 'd']);
    await expect(read(ref, { until: c!.timestamp })).resolves.toEqual(['a', 'b', 'c']);
    await expect(read(ref, { since: b!.timestamp, until: b!.timestamp })).resolves.toEqual(['b']);
    await expect(read(ref, { since: b!.timestamp, tail: 2 })).resolves.toEqual(['c', 'd']);
    await expect(read(ref, { until: c!.timestamp, tail: 2 })).resolves.toEqual(['b', 'c']);
    const inTokyo = `${new Date(Date.parse(b!.timestamp) + 9 * 3_600_000).toISOString().slice(0, 19)}${b!.timestamp.slice(19, -1)}+09:00`;
    await expect(read(ref, { since: inTokyo })).resolves.toEqual(['b', 'c', 'd']);
    await expect(read(ref, { since: '2100-01-01T00:00:00Z' })).resolves.toEqual([]);
    await expect(read(ref, { since: 'yesterday' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('keep empty lines, without line breaks', async () => {
    const ref = await started();
    await write(ref, '\n\n  two  \r\n\ta\rb\n\r\nend\n');
    await expect(read(ref)).resolves.toEqual(['', '', '  two  ', '\ta\rb', '', 'end']);
  });

  exactly('contain long lines whole, to the byte', async () => {
    const ref = await started();
    const texts = [
      WIDE,
      'short',
      'x'.repeat(ENTRY - 1),
      'x'.repeat(ENTRY),
      'x'.repeat(ENTRY + 1),
      'y'.repeat(4 * ENTRY),
      'z'.repeat(4 * ENTRY),
      `a${WIDE.slice(0, 300_000)}`,
      `ab${WIDE.slice(0, 300_000)}`,
      '',
      'last',
    ];
    await write(
      ref,
      texts.map((text, at) => `${text}${at % 2 === 0 ? '\n' : '\r\n'}`).join(''),
      'stderr',
      texts.length,
    );
    const lines = await read(ref);
    expect(lines.map((line, at) => [line.length, line === texts[at]])).toEqual(
      texts.map((text) => [text.length, true]),
    );
    for (const tail of [1, 3, 4, 10]) {
      const wanted = texts.slice(-tail);
      expect((await read(ref, { tail })).map((line, at) => line === wanted[at])).toEqual(wanted.map(() => true));
    }
  });

  exactly('contain long lines whole while they are followed', async () => {
    const ref = await started();
    const { lines } = following(ref);
    const texts = [WIDE, 'short', 'y'.repeat(4 * ENTRY), 'z'.repeat(4 * ENTRY)];
    for (const [at, text] of texts.entries()) {
      await harness.write(ref, 'stdout', `${text}\n`);
      // Each as soon as it is written, not when the next one comes.
      await until(() => lines.length > at);
    }
    expect(lines.map((line, at) => line === texts[at])).toEqual([true, true, true, true]);
  });

  exactly(
    'are followed from the requested place until the workspace stops, and contain its unfinished line afterwards',
    async () => {
      const ref = await started();
      await write(ref, 'one\ntwo\nthree\n');
      const all = following(ref);
      const [, two] = await records(ref);
      const some = following(ref, { since: two!.timestamp });
      const none = following(ref, { tail: 0 });
      await until(() => all.lines.length === 3 && some.lines.length === 2);
      await harness.write(ref, 'stdout', 'four\n');
      await until(() => none.lines.length === 1 && all.lines.length === 4);
      await harness.write(ref, 'stdout', 'a prompt ');
      await driver.stop(ref.id, 0);
      await Promise.all([all.ended, some.ended, none.ended]);
      // Docker ends a stream before it has given the last words.
      const whole = ({ lines }: { lines: string[] }): string[] => lines.filter((line) => line !== 'a prompt ');
      expect([all, some, none].map(whole)).toEqual([
        ['one', 'two', 'three', 'four'],
        ['two', 'three', 'four'],
        ['four'],
      ]);
      await expect(read(ref)).resolves.toEqual(['one', 'two', 'three', 'four', 'a prompt ']);
    },
  );

  it('continue when the workspace is started again', async () => {
    const ref = await started();
    await harness.write(ref, 'stdout', 'no line break');
    await driver.stop(ref.id, 0);
    await expect(following(ref).ended).resolves.toBeUndefined();
    await driver.start(ref);
    await write(ref, 'again\n');
    await expect(read(ref)).resolves.toEqual(['no line break', 'again']);
  });

  it('end at once when the signal aborts or the reader stops', async () => {
    const ref = await started();
    const abort = new AbortController();
    const { lines, ended } = following(ref, { signal: abort.signal });
    await write(ref, 'seen\n');
    await until(() => lines.length === 1);
    abort.abort();
    await expect(ended).resolves.toMatchObject({ name: 'DriverError', code: 'aborted' });
    await expect(following(ref, { signal: AbortSignal.abort() }).ended).resolves.toMatchObject({
      code: 'aborted',
    });
    for await (const [first] of driver.logs(ref, request({ follow: true }))) {
      expect(first).toMatchObject({ message: 'seen' });
      break;
    }
  });

  it('exist for a workspace that never ran, that is paused, and that has stopped', async () => {
    const ref = await created();
    await expect(read(ref)).resolves.toEqual([]);
    await expect(following(ref).ended).resolves.toBeUndefined();
    await driver.start(ref);
    await write(ref, 'one\n');
    await driver.pause(ref);
    const paused = following(ref);
    await until(() => paused.lines.length === 1);
    await driver.unpause(ref);
    await write(ref, 'two\n');
    await until(() => paused.lines.length === 2);
    await driver.stop(ref.id, 0);
    await expect(paused.ended).resolves.toBeUndefined();
    await expect(read(ref)).resolves.toEqual(['one', 'two']);
  });

  it('do not exist for a workspace that is absent, and end when it is removed', async () => {
    for (const follow of [false, true])
      await expect(
        read({ id: randomUUID(), runtimeId: `devforge-${randomUUID()}` }, { follow, tail: 1 }),
      ).rejects.toMatchObject({
        name: 'DriverError',
        code: 'not_found',
      });
    const ref = await started();
    const { lines, ended } = following(ref);
    await write(ref, 'one\n');
    await until(() => lines.length === 1);
    await driver.remove(ref.id, { keepData: false });
    await expect(ended).resolves.toBeUndefined();
    await expect(read(ref)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('cannot be read while the engine is away', async () => {
    const ref = await created();
    const reading = async (): Promise<void> => {
      for await (const __ of harness.away.logs(ref, request())) break;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
