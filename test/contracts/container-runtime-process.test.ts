import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import type { ProcessRequest, WorkspaceProcess } from '../../src/drivers/workspace-process.js';
import { dockerRuntime, idleSpec, RUNTIMES, until } from './container-runtime-harness.js';

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

describe.each(RUNTIMES)('processes in a container of the %s runtime', (_, make) => {
  const harness = make();
  const { containers } = harness.runtime;
  const ids: string[] = [];
  let dockerId: string;

  beforeAll(async () => {
    const spec = idleSpec(harness);
    ids.push(spec.id);
    ({ dockerId } = await containers.create(spec));
    await containers.start(dockerId);
  });

  afterAll(() => harness.cleanUp(ids, []));

  const open = (argv: string[], request: Partial<ProcessRequest> = {}): Promise<WorkspaceProcess> =>
    containers.open(dockerId, { argv, ...request });

  it('tells the exit code and both streams apart', async () => {
    const process = await open(['sh', '-c', 'echo out; echo err >&2; exit 7']);
    await expect(Promise.all([text(process.stdout), text(process.stderr), process.exit])).resolves.toEqual([
      'out\n',
      'err\n',
      7,
    ]);
  });

  it('talks with a command for as long as it runs', async () => {
    const process = await open(['cat']);
    process.stdin.write('one\n');
    await expect(readUntil(process.stdout, 'one\n')).resolves.toBe('one\n');
    process.stdin.write('two\n');
    await expect(readUntil(process.stdout, 'two\n')).resolves.toBe('two\n');
    process.stdin.end();
    await expect(text(process.stdout)).resolves.toBe('');
    await expect(process.exit).resolves.toBe(0);
  });

  it('passes arguments, variables and the folder as they are', async () => {
    const process = await open(['sh', '-c', 'printf "%s|%s|" "$1" "$GIVEN"; pwd', 'sh', '$HOME `id`'], {
      env: { GIVEN: 'a=b $c' },
      cwd: '/usr/share',
    });
    await expect(text(process.stdout)).resolves.toBe('$HOME `id`|a=b $c|/usr/share\n');
  });

  it('says that a command cannot be run', async () => {
    const process = await open(['/nowhere/at-all']);
    process.stdout.resume();
    process.stderr.resume();
    expect([126, 127]).toContain(await process.exit);
  });

  it('carries megabytes both ways, whole', async () => {
    const process = await open(['cat']);
    const sent = Buffer.alloc(8 * MIB, 'The quick brown fox jumps over the lazy dog. ');
    process.stdin.end(sent);
    const received: Buffer[] = [];
    for await (const chunk of process.stdout) received.push(chunk as Buffer);
    expect(Buffer.concat(received).equals(sent)).toBe(true);
  });

  it('makes the command wait for a slow reader', async () => {
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

  it('closes the input of a command that is let go of', async () => {
    const mark = `/tmp/let-go-${randomUUID()}`;
    const process = await open(['sh', '-c', `echo ready; cat > /dev/null; touch ${mark}`]);
    await readUntil(process.stdout, 'ready\n');
    process.close();
    await expect(process.exit).rejects.toMatchObject({ name: 'DriverError', code: 'aborted' });
    await until(async () => (await containers.exec(dockerId, { argv: ['rm', mark], timeoutMs: 5_000 })).exitCode === 0);
  });

  it('ends when its container stops', async () => {
    const spec = idleSpec(harness);
    ids.push(spec.id);
    const stopped = await containers.create(spec);
    await containers.start(stopped.dockerId);
    const process = await containers.open(stopped.dockerId, { argv: ['sh', '-c', 'echo ready; exec sleep 60'] });
    await readUntil(process.stdout, 'ready\n');
    await containers.stop(stopped.dockerId, 0);
    await expect(process.exit).resolves.not.toBe(0);
  });

  it('opens nothing in a container that does not run, or is absent, or for a caller that has given up', async () => {
    const spec = idleSpec(harness);
    ids.push(spec.id);
    const idle = await containers.create(spec);
    await expect(containers.open(idle.dockerId, { argv: ['true'] })).rejects.toMatchObject({ code: 'conflict' });
    await expect(containers.open(`devforge-${randomUUID()}`, { argv: ['true'] })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(open(['true'], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });
});

describe('a process with a terminal, on Docker', () => {
  const [, make] = RUNTIMES[1]!;
  const harness = make();
  const { containers } = dockerRuntime();
  const ids: string[] = [];

  afterAll(() => harness.cleanUp(ids, []));

  it('has the size it is given, and a new one after a resize', async () => {
    const spec = idleSpec(harness);
    ids.push(spec.id);
    const { dockerId } = await containers.create(spec);
    await containers.start(dockerId);
    const process = await containers.open(dockerId, {
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
