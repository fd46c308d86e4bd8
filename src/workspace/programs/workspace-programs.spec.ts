import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { containerRow } from '../../../test/support/rows.js';
import { FakeProgram, NO_SUCH_PROGRAM } from '../../../test/support/workspace-program.js';
import { DriverError } from '../../drivers/driver-error.js';
import type { FakeProcessSide } from '../../drivers/fake/fake-process.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { WorkspaceRef } from '../../drivers/workspace.js';
import type { ContainerRow, ContainersRepository } from '../../persistence/containers/containers.repository.js';
import type { FramedProgram } from './framed-program.js';
import { type OpenOptions, WorkspacePrograms } from './workspace-programs.js';

/** Writes as fast as it is read, until nobody reads any more. */
async function flood(output: Writable, size: number): Promise<number> {
  const piece = Buffer.alloc(size, 'x');
  while (!output.destroyed) {
    if (!output.write(piece)) await once(output, 'drain').catch(() => undefined);
    await new Promise(setImmediate);
  }
  return 0;
}

const KINDS = { whole: 'J', streamed: '' };

describe('WorkspacePrograms', () => {
  let driver: FakeWorkspaceDriver;
  let workspace: WorkspaceRef;
  let row: ContainerRow;
  let programs: WorkspacePrograms;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    workspace = driver.run();
    row = containerRow({ ...workspace });
    programs = new WorkspacePrograms(driver, { findById: async () => row } as unknown as ContainersRepository);
  });

  const plays = (play: (program: FakeProgram, side: FakeProcessSide) => Promise<number> | number): void => {
    driver.onOpen = async (_, side) => play(new FakeProgram(side), side);
  };
  const open = (options?: OpenOptions): Promise<FramedProgram> =>
    programs.openFramed(row, 'devforge-files', KINDS, options);
  const answerOf = async (program: FramedProgram): Promise<string | undefined> =>
    (await program.next())?.data.toString();
  const explained = async (options?: OpenOptions): Promise<unknown> => {
    const program = await open(options);
    await expect(program.next()).resolves.toBeNull();
    return programs.explain(row, program);
  };

  it('sends a request without waiting for the greeting, and knows the version with the answer', async () => {
    plays(async (program) => {
      await program.receive();
      program.greet('devforge-files', 2);
      program.send('J', 'answer');
      return 0;
    });
    const program = await open({ args: ['argument'] });
    expect(program.version).toBe(1);
    await program.send('J', Buffer.from('request'));
    await expect(answerOf(program)).resolves.toBe('answer');
    expect(program.version).toBe(2);
    expect(driver.processes[0]!.process.request.argv).toEqual(['/usr/local/bin/devforge-files', 'argument']);
  });

  it('takes a program without a greeting for version 1', async () => {
    plays((program) => (program.send('J', 'answer'), 0));
    const program = await open();
    await expect(answerOf(program)).resolves.toBe('answer');
    expect(program.version).toBe(1);
  });

  it.each([
    ['greets with a lower version', (program: FakeProgram) => program.greet('devforge-files', 2)],
    ['answers without a greeting', (program: FakeProgram) => program.send('J', 'answer')],
  ])('reports an outdated image when a program %s than is needed', async (_, write) => {
    plays((program) => (write(program), new Promise<number>(() => undefined)));
    await expect((await open({ needs: 3 })).next()).rejects.toMatchObject({ code: 'image_outdated' });
  });

  it('gives what a program of the needed version answers', async () => {
    plays((program) => {
      program.greet('devforge-files', 3);
      program.send('J', 'answer');
      return 0;
    });
    await expect(answerOf(await open({ needs: 3 }))).resolves.toBe('answer');
  });

  it.each<[string, (side: FakeProcessSide) => number, OpenOptions, object]>([
    ['is not in the image', ({ stdout }) => (stdout.write(NO_SUCH_PROGRAM), 127), {}, { code: 'image_outdated' }],
    ['does not know a newer request', () => 2, { needs: 2 }, { code: 'image_outdated' }],
    [
      'fails',
      ({ stderr }) => (stderr.write('MemoryError'), 1),
      {},
      { code: 'workspace_tool_failed', message: expect.stringContaining('MemoryError') },
    ],
    [
      'cannot be started',
      ({ stdout }) => (stdout.write('OCI runtime exec failed: resource temporarily unavailable'), 126),
      {},
      { code: 'workspace_tool_failed', message: expect.stringContaining('resource temporarily') },
    ],
  ])('explains a program that %s', async (_, play, options, expected) => {
    plays((_program, side) => play(side));
    await expect(explained(options)).resolves.toMatchObject(expected);
  });

  it('explains the answer of a container that was stopping, which is that of an image without the program', async () => {
    plays((_program, { stdout }) => (stdout.write(NO_SUCH_PROGRAM), 126));
    const program = await open();
    await program.next();
    driver.exit(row.id, 137);
    await expect(programs.explain(row, program)).resolves.toMatchObject({ code: 'invalid_state' });
    await expect(programs.explain(workspace, program)).resolves.toMatchObject({ code: 'conflict' });
  });

  it('explains a program that ended since its container stopped', async () => {
    plays(() => {
      row = { ...row, status: 'stopping' };
      return 143;
    });
    const asked = row;
    const program = await programs.openFramed(asked, 'devforge-files', KINDS);
    await program.next();
    await expect(programs.explain(asked, program)).resolves.toMatchObject({
      code: 'invalid_state',
      extensions: { currentStatus: 'stopping' },
    });
  });

  it('reports a container that does not run', async () => {
    row = { ...row, status: 'stopped' };
    await expect(open()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: 'stopped' } });
    row = { ...row, status: 'running' };
    await driver.pause(workspace);
    await expect(open()).rejects.toMatchObject({ code: 'invalid_state' });
    await expect(programs.run(row, 'devforge-clone', { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'invalid_state',
    });
  });

  it("reports the engine's own error for a workspace that is not a container of its own yet", async () => {
    await driver.pause(workspace);
    const opening = programs.open(workspace, 'devforge-clone');
    await expect(opening).rejects.toMatchObject({ code: 'conflict' });
    await expect(opening).rejects.toBeInstanceOf(DriverError);
  });

  it('runs a program to its end and gives its output without the greeting', async () => {
    driver.onExec = () => ({ exitCode: 3, stdout: 'devforge-clone 2\noutput', stderr: 'complaint' });
    await expect(programs.run(row, 'devforge-clone', { args: ['cancel'], timeoutMs: 1_000 })).resolves.toEqual({
      exitCode: 3,
      stdout: 'output',
      stderr: 'complaint',
    });
    expect(driver.execs[0]!.request).toMatchObject({ argv: ['/usr/local/bin/devforge-clone', 'cancel'] });
  });

  it('reports an outdated image when the program to run is missing', async () => {
    driver.onExec = () => ({ exitCode: 127, stdout: NO_SUCH_PROGRAM });
    await expect(programs.run(row, 'devforge-clone', { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: 'image_outdated',
    });
  });

  it('ends a program that goes on to write something else than its protocol', async () => {
    plays((_, { stdout }) => flood(stdout, 16 * 1024));
    const program = await open();
    await expect(program.next()).rejects.toMatchObject({ code: 'output_limit_exceeded' });
    expect(program.isOver).toBe(true);
  });

  it('ends a program that writes errors without an end', async () => {
    plays((_, { stderr }) => flood(stderr, 1024 * 1024));
    await expect((await open()).next()).rejects.toMatchObject({ code: 'output_limit_exceeded' });
  });

  it('keeps no control characters of what a program writes', async () => {
    plays((_, { stderr }) => (stderr.write('\u001b[31mfailed\u009b0m\u0000'), 1));
    await expect(explained()).resolves.toMatchObject({ message: expect.stringMatching(/: failed$/) });
  });
});
