import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessRequest, WorkspaceProcess } from '../../src/drivers/workspace-process.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { until } from './docker-engine-harness.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, workspacesOf } from './workspace-driver-harness.js';

const MIB = 1024 * 1024;

/** Reads until the text is there. */
async function readUntil(stream: Readable, wanted: string): Promise<string> {
  let seen = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.includes(wanted)) return seen;
  }
  throw new Error(`ended after ${JSON.stringify(seen)}`);
}

describe.each(DRIVERS)('processes in a workspace of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const { created, started, removeAll } = workspacesOf(harness);
  let ref: WorkspaceRef;

  beforeAll(async () => {
    await harness.setUp();
    ref = await started();
  }, IMAGE_BUILD_MS);

  afterAll(removeAll);

  const open = (argv: string[], request: Partial<ProcessRequest> = {}): Promise<WorkspaceProcess> =>
    driver.open(ref, { argv, ...request });

  it('return the exit code and both streams', async () => {
    const process = await open(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    await expect(Promise.all([text(process.stdout), text(process.stderr), process.exit])).resolves.toEqual([
      'out\n',
      'err\n',
      7,
    ]);
  });

  it('exchange data for as long as they run', async () => {
    const process = await open(['cat']);
    process.stdin.write('one\n');
    await expect(readUntil(process.stdout, 'one\n')).resolves.toBe('one\n');
    process.stdin.write('two\n');
    await expect(readUntil(process.stdout, 'two\n')).resolves.toBe('two\n');
    process.stdin.end();
    await expect(text(process.stdout)).resolves.toBe('');
    await expect(process.exit).resolves.toBe(0);
  });

  it('get their arguments, variables and working folder unchanged', async () => {
    const process = await open(['sh', '-c', 'printf "%s|%s|" "$1" "$GIVEN"; pwd', 'sh', '$HOME `id`'], {
      env: { GIVEN: 'a=b $c' },
      cwd: '/usr/share',
    });
    await expect(text(process.stdout)).resolves.toBe('$HOME `id`|a=b $c|/usr/share\n');
  });

  it('exit with 126 or 127 when the command cannot be run', async () => {
    const process = await open(['/nowhere/at-all']);
    process.stdout.resume();
    process.stderr.resume();
    expect([126, 127]).toContain(await process.exit);
  });

  it('carry megabytes in both directions', async () => {
    const process = await open(['cat']);
    const sent = Buffer.alloc(8 * MIB, 'The quick brown fox jumps over the lazy dog. ');
    process.stdin.end(sent);
    const received: Buffer[] = [];
    for await (const chunk of process.stdout) received.push(chunk as Buffer);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  it('block while their reader is slow', async () => {
    const process = await open(['sh', '-c', 'head -c 50000000 /dev/zero; echo written >&2']);
    let said = '';
    process.stderr.on('data', (chunk) => (said += String(chunk)));
    await once(process.stdout, 'readable');
    // Time in which the command would end if it did not wait.
    await delay(700);
    expect(said).toBe('');
    expect(process.stdout.readableLength).toBeLessThan(MIB);
    let bytes = 0;
    for await (const chunk of process.stdout) bytes += (chunk as Buffer).length;
    expect(bytes).toBe(50_000_000);
    await until(() => said === 'written\n');
  });

  it('have their input closed by close', async () => {
    const mark = `/tmp/let-go-${randomUUID()}`;
    const process = await open(['sh', '-c', `echo ready; cat > /dev/null; touch ${mark}`]);
    await readUntil(process.stdout, 'ready\n');
    process.close();
    await expect(process.exit).rejects.toMatchObject({ name: 'DriverError', code: 'aborted' });
    await until(async () => (await driver.exec(ref, { argv: ['rm', mark], timeoutMs: 5_000 })).exitCode === 0);
  });

  it('end when their workspace stops', async () => {
    const stopped = await started();
    const process = await driver.open(stopped, { argv: ['sh', '-c', 'echo ready; exec sleep 60'] });
    await readUntil(process.stdout, 'ready\n');
    await driver.stop(stopped.id, 0);
    await expect(process.exit).resolves.not.toBe(0);
  });

  it('are not opened in a workspace that does not run or is absent, or after the signal has aborted', async () => {
    const idle = await created();
    await expect(driver.open(idle, { argv: ['true'] })).rejects.toMatchObject({ code: 'conflict' });
    await expect(
      driver.open({ id: randomUUID(), runtimeId: `devforge-${randomUUID()}` }, { argv: ['true'] }),
    ).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(open(['true'], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a process with a terminal, on Docker', () => {
  const [, make] = DRIVERS[1]!;
  const harness = make();
  const { driver } = harness;
  const { started, removeAll } = workspacesOf(harness);

  beforeAll(() => harness.setUp(), IMAGE_BUILD_MS);

  afterAll(removeAll);

  it('has the size it is opened with, and a new one after a resize', async () => {
    const ref = await started();
    const process = await driver.open(ref, {
      argv: ['sh', '-c', 'trap "stty size" WINCH; read line; stty size; while :; do sleep 0.05; done'],
      terminal: { columns: 101, rows: 31 },
    });
    process.stdin.write('\n');
    await expect(readUntil(process.stdout, '31 101')).resolves.toContain('31 101\r\n');
    await process.resize({ columns: 77, rows: 22 });
    await expect(readUntil(process.stdout, '22 77')).resolves.toContain('22 77\r\n');
    process.close();
  });
});
