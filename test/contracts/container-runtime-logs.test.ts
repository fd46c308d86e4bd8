import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ContainerSpec } from '../../src/drivers/docker/engine/engine-client.js';
import type { LogRecord, LogRequest } from '../../src/drivers/workspace-logs.js';
import { idleSpec, RUNTIMES, until } from './container-runtime-harness.js';

const KIB = 1024;
const ENTRY = 16 * KIB;
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
/** As long as a line may be; no character of it ends at a multiple of a power of two for long. */
const WIDE = 'é€🚀'.repeat(Math.floor((KIB * KIB) / 9));

describe.each(RUNTIMES)('logs of the %s runtime', (_, make) => {
  const harness = make();
  const { containers } = harness.runtime;
  const ids: string[] = [];
  const left: AbortController[] = [];

  afterEach(() => left.splice(0).forEach((each) => each.abort()));
  afterAll(() => harness.cleanUp(ids, []));

  async function created(overrides: Partial<ContainerSpec> = {}): Promise<string> {
    const spec = idleSpec(harness, overrides);
    ids.push(spec.id);
    return (await containers.create(spec)).dockerId;
  }

  async function started(): Promise<string> {
    const dockerId = await created();
    await containers.start(dockerId);
    return dockerId;
  }

  function request(more: Partial<LogRequest> = {}): LogRequest {
    const abort = new AbortController();
    left.push(abort);
    return { follow: false, stdout: true, stderr: true, signal: abort.signal, ...more };
  }

  async function records(dockerId: string, more: Partial<LogRequest> = {}): Promise<LogRecord[]> {
    const all: LogRecord[] = [];
    for await (const batch of containers.logs(dockerId, request(more))) all.push(...batch);
    return all;
  }

  const read = async (dockerId: string, more: Partial<LogRequest> = {}): Promise<string[]> =>
    (await records(dockerId, more)).map(({ message }) => message);

  /** Writes, and waits until the engine has as many lines more. */
  async function write(
    dockerId: string,
    output: string,
    stream: LogRecord['stream'] = 'stdout',
    lines = output.split('\n').length - 1,
  ): Promise<void> {
    const { length } = await records(dockerId);
    await harness.write(dockerId, stream, output);
    await until(async () => (await records(dockerId)).length >= length + lines);
  }

  /** Follows until the container stops, or the test is over. */
  function following(dockerId: string, more: Partial<LogRequest> = {}): { lines: string[]; ended: Promise<unknown> } {
    const lines: string[] = [];
    const follow = async (): Promise<void> => {
      for await (const batch of containers.logs(dockerId, request({ follow: true, ...more })))
        lines.push(...batch.map(({ message }) => message));
    };
    return { lines, ended: follow().catch((error: unknown) => error) };
  }

  it('are the lines of both streams in the order in which the engine received them', async () => {
    const dockerId = await started();
    for (const at of [1, 2, 3]) {
      await write(dockerId, `out ${at}\n`);
      await write(dockerId, `err ${at}\n`, 'stderr');
    }
    const all = await records(dockerId);
    expect(all.map(({ stream, message }) => `${stream} ${message}`)).toEqual(
      [1, 2, 3].flatMap((at) => [`stdout out ${at}`, `stderr err ${at}`]),
    );
    expect(all.map(({ timestamp }) => timestamp)).toEqual(all.map(() => expect.stringMatching(TIMESTAMP)));
    expect(all.map(({ timestamp }) => timestamp)).toEqual(all.map(({ timestamp }) => timestamp).toSorted());
    await expect(read(dockerId, { stderr: false })).resolves.toEqual(['out 1', 'out 2', 'out 3']);
    await expect(read(dockerId, { stdout: false })).resolves.toEqual(['err 1', 'err 2', 'err 3']);
  });

  it('end with as many lines as were asked for, of the streams that were asked for', async () => {
    const dockerId = await started();
    await write(dockerId, 'early\n', 'stderr');
    await write(dockerId, Array.from({ length: 300 }, (__, at) => `${at}\n`).join(''));
    await expect(read(dockerId, { tail: 3 })).resolves.toEqual(['297', '298', '299']);
    await expect(read(dockerId, { tail: 1, stdout: false })).resolves.toEqual(['early']);
    await expect(read(dockerId, { tail: 0 })).resolves.toEqual([]);
    await expect(read(dockerId, { tail: 301 })).resolves.toHaveLength(301);
    await expect(read(dockerId, { tail: 5_000 })).resolves.toHaveLength(301);
  });

  it('begin and end at an instant, to the nanosecond', async () => {
    const dockerId = await started();
    await write(dockerId, 'a\nb\nc\nd\n');
    const [, b, c] = await records(dockerId);
    await expect(read(dockerId, { since: b!.timestamp })).resolves.toEqual(['b', 'c', 'd']);
    await expect(read(dockerId, { until: c!.timestamp })).resolves.toEqual(['a', 'b', 'c']);
    await expect(read(dockerId, { since: b!.timestamp, until: b!.timestamp })).resolves.toEqual(['b']);
    await expect(read(dockerId, { since: b!.timestamp, tail: 2 })).resolves.toEqual(['c', 'd']);
    await expect(read(dockerId, { until: c!.timestamp, tail: 2 })).resolves.toEqual(['b', 'c']);
    const inTokyo = `${new Date(Date.parse(b!.timestamp) + 9 * 3_600_000).toISOString().slice(0, 19)}${b!.timestamp.slice(19, -1)}+09:00`;
    await expect(read(dockerId, { since: inTokyo })).resolves.toEqual(['b', 'c', 'd']);
    await expect(read(dockerId, { since: '2100-01-01T00:00:00Z' })).resolves.toEqual([]);
    await expect(read(dockerId, { since: 'yesterday' })).rejects.toMatchObject({ code: 'invalid' });
  });

  it('keep what is empty, and leave line breaks out', async () => {
    const dockerId = await started();
    await write(dockerId, '\n\n  two  \r\n\ta\rb\n\r\nend\n');
    await expect(read(dockerId)).resolves.toEqual(['', '', '  two  ', '\ta\rb', '', 'end']);
  });

  it('keep long lines whole, to the byte', async () => {
    const dockerId = await started();
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
      dockerId,
      texts.map((text, at) => `${text}${at % 2 === 0 ? '\n' : '\r\n'}`).join(''),
      'stderr',
      texts.length,
    );
    const lines = await read(dockerId);
    expect(lines.map((line, at) => [line.length, line === texts[at]])).toEqual(
      texts.map((text) => [text.length, true]),
    );
    for (const tail of [1, 3, 4, 10]) {
      const wanted = texts.slice(-tail);
      expect((await read(dockerId, { tail })).map((line, at) => line === wanted[at])).toEqual(wanted.map(() => true));
    }
  });

  it('keep long lines whole while they are followed', async () => {
    const dockerId = await started();
    const { lines } = following(dockerId);
    const texts = [WIDE, 'short', 'y'.repeat(4 * ENTRY), 'z'.repeat(4 * ENTRY)];
    for (const [at, text] of texts.entries()) {
      await harness.write(dockerId, 'stdout', `${text}\n`);
      // Each as soon as it is written, not when the next one comes.
      await until(() => lines.length > at);
    }
    expect(lines.map((line, at) => line === texts[at])).toEqual([true, true, true, true]);
  });

  it('are followed from where was asked until the container stops, and have then what has no line break', async () => {
    const dockerId = await started();
    await write(dockerId, 'one\ntwo\nthree\n');
    const all = following(dockerId);
    const [, two] = await records(dockerId);
    const some = following(dockerId, { since: two!.timestamp });
    const none = following(dockerId, { tail: 0 });
    await until(() => all.lines.length === 3 && some.lines.length === 2);
    await harness.write(dockerId, 'stdout', 'four\n');
    await until(() => none.lines.length === 1 && all.lines.length === 4);
    await harness.write(dockerId, 'stdout', 'a prompt ');
    await containers.stop(dockerId, 0);
    await Promise.all([all.ended, some.ended, none.ended]);
    // Docker ends a stream before it has given the last words.
    const whole = ({ lines }: { lines: string[] }): string[] => lines.filter((line) => line !== 'a prompt ');
    expect([all, some, none].map(whole)).toEqual([['one', 'two', 'three', 'four'], ['two', 'three', 'four'], ['four']]);
    await expect(read(dockerId)).resolves.toEqual(['one', 'two', 'three', 'four', 'a prompt ']);
  });

  it('go on when the container is started again', async () => {
    const dockerId = await started();
    await harness.write(dockerId, 'stdout', 'no line break');
    await containers.stop(dockerId, 0);
    await expect(following(dockerId).ended).resolves.toBeUndefined();
    await containers.start(dockerId);
    await write(dockerId, 'again\n');
    await expect(read(dockerId)).resolves.toEqual(['no line break', 'again']);
  });

  it('are let go of at once by whoever gives up, and by whoever stops reading', async () => {
    const dockerId = await started();
    const abort = new AbortController();
    const { lines, ended } = following(dockerId, { signal: abort.signal });
    await write(dockerId, 'seen\n');
    await until(() => lines.length === 1);
    abort.abort();
    await expect(ended).resolves.toMatchObject({ name: 'DriverError', code: 'aborted' });
    await expect(following(dockerId, { signal: AbortSignal.abort() }).ended).resolves.toMatchObject({
      code: 'aborted',
    });
    for await (const [first] of containers.logs(dockerId, request({ follow: true }))) {
      expect(first).toMatchObject({ message: 'seen' });
      break;
    }
  });

  it('are there of a container that never ran, that is paused, and that has stopped', async () => {
    const dockerId = await created();
    await expect(read(dockerId)).resolves.toEqual([]);
    await expect(following(dockerId).ended).resolves.toBeUndefined();
    await containers.start(dockerId);
    await write(dockerId, 'one\n');
    await containers.pause(dockerId);
    const paused = following(dockerId);
    await until(() => paused.lines.length === 1);
    await containers.unpause(dockerId);
    await write(dockerId, 'two\n');
    await until(() => paused.lines.length === 2);
    await containers.stop(dockerId, 0);
    await expect(paused.ended).resolves.toBeUndefined();
    await expect(read(dockerId)).resolves.toEqual(['one', 'two']);
  });

  it('are not there of a container that is absent, and end when it is removed', async () => {
    for (const follow of [false, true])
      await expect(read(`devforge-${randomUUID()}`, { follow, tail: 1 })).rejects.toMatchObject({
        name: 'DriverError',
        code: 'not_found',
      });
    const dockerId = await started();
    const { lines, ended } = following(dockerId);
    await write(dockerId, 'one\n');
    await until(() => lines.length === 1);
    await containers.remove(dockerId);
    await expect(ended).resolves.toBeUndefined();
    await expect(read(dockerId)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('cannot be read from an engine that is away', async () => {
    const dockerId = await created();
    const reading = async (): Promise<void> => {
      for await (const __ of harness.away.containers.logs(dockerId, request())) break;
    };
    await expect(reading()).rejects.toMatchObject({ code: 'unavailable' });
  });
});
