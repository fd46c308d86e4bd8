import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ExecRequest, ExecResult } from '../../src/drivers/workspace-process.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { DRIVERS, workspacesOf } from './workspace-driver-harness.js';

const KIB = 1024;

describe.each(DRIVERS)('commands in a workspace of the %s driver', (_, make) => {
  const harness = make();
  const { driver } = harness;
  const { created, started, removeAll } = workspacesOf(harness);
  let ref: WorkspaceRef;

  beforeAll(async () => {
    await harness.setUp();
    ref = await started();
  }, IMAGE_BUILD_MS);

  afterAll(removeAll);

  const exec = (argv: string[], request: Partial<ExecRequest> = {}): Promise<ExecResult> =>
    driver.exec(ref, { argv, timeoutMs: 20_000, ...request });

  it('return the exit code and both streams', async () => {
    await expect(exec(['sh', '-c', 'echo out; echo err >&2; exit 7'])).resolves.toEqual({
      exitCode: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    await expect(exec(['true'])).resolves.toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  it('get their arguments unchanged, without a shell', async () => {
    const hostile = ['$HOME', '`id`', 'a b', '*', '; exit 9', "it's", '"', '\\n', '', '-n', 'ü', 'line\nbreak'];
    const { stdout } = await exec(['printf', '%s|', ...hostile]);
    expect(stdout).toBe(hostile.map((argument) => `${argument}|`).join(''));
  });

  it('get their input, which is then closed', async () => {
    await expect(exec(['cat'], { stdin: 'a key\n' })).resolves.toMatchObject({ exitCode: 0, stdout: 'a key\n' });
    await expect(exec(['wc', '-c'], { stdin: Buffer.alloc(300 * KIB) })).resolves.toMatchObject({
      stdout: `${300 * KIB}\n`,
    });
    await expect(exec(['cat'], { stdin: '' })).resolves.toMatchObject({ exitCode: 0, stdout: '' });
  });

  it('have variables and a working folder of their own', async () => {
    const name = 'CONTRACT_VALUE';
    await expect(
      exec(['sh', '-c', 'printf %s "$CONTRACT_VALUE"; pwd'], { env: { [name]: 'a=b $c' }, cwd: '/usr/share' }),
    ).resolves.toMatchObject({ stdout: 'a=b $c/usr/share\n' });
    await expect(exec(['printenv', name])).resolves.toMatchObject({ exitCode: 1, stdout: '' });
  });

  it('return the last 64 KiB of a large output, and pass all of it on', async () => {
    let seen = 0;
    const script = 'i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done; echo the end';
    const { stdout, exitCode } = await exec(['sh', '-c', script], { onStdout: (chunk) => (seen += chunk.length) });
    expect(exitCode).toBe(0);
    expect(stdout).toHaveLength(64 * KIB);
    expect(stdout.endsWith('line 19999\nthe end\n')).toBe(true);
    const whole = Array.from({ length: 20_000 }, (_, line) => `line ${line}\n`).join('').length + 'the end\n'.length;
    expect(seen).toBe(whole);
  });

  it('pass on what they write to each stream', async () => {
    const seen = { out: '', err: '' };
    await exec(['sh', '-c', 'echo one; echo two >&2'], {
      onStdout: (chunk) => (seen.out += chunk.toString()),
      onStderr: (chunk) => (seen.err += chunk.toString()),
    });
    expect(seen).toEqual({ out: 'one\n', err: 'two\n' });
  });

  it('reject at once when the signal aborts', async () => {
    const caller = new AbortController();
    const begun = Date.now();
    setTimeout(() => caller.abort(), 200);
    await expect(exec(['sleep', '30'], { signal: caller.signal })).rejects.toMatchObject({
      name: 'DriverError',
      code: 'aborted',
    });
    expect(Date.now() - begun).toBeLessThan(15_000);
  });

  it('do not run when the signal has aborted before', async () => {
    await expect(exec(['true'], { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'aborted' });
  });

  it('reject when they run longer than their timeout', async () => {
    const begun = Date.now();
    await expect(exec(['sleep', '30'], { timeoutMs: 300 })).rejects.toMatchObject({ code: 'timed_out' });
    expect(Date.now() - begun).toBeLessThan(15_000);
  });

  it('run concurrently without mixing their results', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => exec(['sh', '-c', `echo ${index}; exit ${index}`])),
    );
    expect(answers.map(({ exitCode, stdout }) => [exitCode, stdout])).toEqual(
      Array.from({ length: 6 }, (_, index) => [index, `${index}\n`]),
    );
  });

  it('do not run in a workspace that does not run, is paused or absent', async () => {
    const idle = await created();
    const there = (workspace: WorkspaceRef): Promise<ExecResult> =>
      driver.exec(workspace, { argv: ['true'], timeoutMs: 5_000 });
    await expect(there(idle)).rejects.toMatchObject({ code: 'conflict' });
    await driver.start(idle);
    await driver.pause(idle);
    await expect(there(idle)).rejects.toMatchObject({ code: 'conflict' });
    await driver.unpause(idle);
    await driver.stop(idle.id, 1);
    await expect(there(idle)).rejects.toMatchObject({ code: 'conflict' });
    await expect(there({ id: randomUUID(), runtimeId: `devforge-${randomUUID()}` })).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
