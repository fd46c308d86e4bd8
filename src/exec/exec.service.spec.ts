import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import { FakeProgram } from '../../test/support/workspace-program.js';
import type { AuditLog } from '../auth/audit/audit-log.js';
import type { Principal } from '../auth/principal.js';
import type { ContainersService } from '../containers/containers.service.js';
import { WorkspacePrograms } from '../workspace/programs/workspace-programs.js';
import type { ContainerRow, ContainersRepository } from '../persistence/containers/containers.repository.js';
import type { FakeProcessHandler } from '../drivers/fake/fake-process.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import { workspaceOf } from '../workspace/workspace-ref.js';
import { ExecDto, type ExecResultDto } from './dto/exec.dto.js';
import { ExecService } from './exec.service.js';
import { noActivity } from '../../test/support/no-activity.js';

const somebody = { id: 'admin' } as Principal;

describe('ExecService', () => {
  let driver: FakeWorkspaceDriver;
  let row: ContainerRow;
  let service: ExecService;
  let client: AbortController;
  let audit: Pick<AuditLog, 'record'>;

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    row = containerRow();
    row = { ...row, ...driver.run({ id: row.id }) };
    audit = { record: () => Promise.resolve() };
    const tools = new WorkspacePrograms(driver, { findById: async () => row } as unknown as ContainersRepository);
    service = new ExecService(
      { find: async () => row } as unknown as ContainersService,
      tools,
      noActivity,
      audit as AuditLog,
    );
    client = new AbortController();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  const run = (dto: Partial<ExecDto> = {}): Promise<ExecResultDto> =>
    service.run(somebody, row.id, Object.assign(new ExecDto(), { command: ['true'], ...dto }), client.signal);
  const plays = (play: (program: FakeProgram) => Promise<number | void>): void => {
    const handler: FakeProcessHandler = async (_, side) => (await play(new FakeProgram(side))) ?? 0;
    driver.onOpen = handler;
  };

  it('sends the command with its folder, limits, environment and input', async () => {
    const received: (string | null)[] = [];
    plays(async (program) => {
      for (let frame = await program.receive(); frame !== 'E'; frame = await program.receive()) received.push(frame);
      program.send('x', '0 0 0 12');
      await program.receive();
    });
    await expect(
      run({
        command: ['a', 'b c', ''],
        cwd: 'sub',
        env: { A: '1', B: '=' },
        stdin: 'ä',
        timeoutSeconds: 5,
        maxOutputBytes: 7,
      }),
    ).resolves.toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
      truncated: false,
      timedOut: false,
      oomKilled: null,
      durationMs: 12,
    });
    expect(received).toEqual([`R${['/workspace/sub', 5_000, 7, 3, 'a', 'b c', '', 'A=1', 'B=='].join('\0')}`, 'Dä']);
    expect(driver.processes[0]!.process.request).toMatchObject({ argv: ['/usr/local/bin/devforge-exec'] });
    expect(driver.processes[0]!.process.request.env).toBeUndefined();
  });

  it('runs no command that cannot be recorded', async () => {
    audit.record = () => Promise.reject(new Error('the database is away'));
    for (let count = 0; count < 20; count += 1) await expect(run()).rejects.toThrow('the database is away');
    expect(driver.processes).toEqual([]);
  });

  it('refuses the seventeenth command of a container, and runs one again when another has ended', async () => {
    plays(async (program) => {
      for (let frame = await program.receive(); frame !== 'E'; frame = await program.receive());
      program.send('x', '0 0 0 1');
      await program.receive();
    });
    const running = Array.from({ length: 16 }, () => run());
    await expect(run()).rejects.toMatchObject({
      code: 'too_many_requests',
      message: '16 commands run in this container at the same time; wait for one of them.',
      retryAfterSeconds: 1,
    });
    await Promise.all(running);
    await expect(run()).resolves.toMatchObject({ exitCode: 0 });
  });

  it('joins the pieces of each output, up to the requested limit', async () => {
    plays(async (program) => {
      program.send('o', 'one ');
      program.send('e', 'wrong');
      program.send('o', 'two three');
      program.send('x', '3 1 1 40 1');
      await program.receive();
      await program.receive();
    });
    await expect(run({ maxOutputBytes: 7 })).resolves.toEqual({
      exitCode: 3,
      stdout: 'one two',
      stderr: 'wrong',
      truncated: true,
      timedOut: true,
      oomKilled: true,
      durationMs: 40,
    });
  });

  it.each([143, 137])('reports the stop of the container, which ended the command with %d', async (exitCode) => {
    plays(async (program) => {
      row = { ...row, status: 'stopping' };
      program.send('x', `${exitCode} 0 0 40 0`);
      await program.receive();
    });
    await expect(run()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: 'stopping' } });
  });

  it('reports that a command was killed in a container that goes on', async () => {
    plays(async (program) => {
      program.send('x', '137 0 0 40 1');
      await program.receive();
    });
    await expect(run()).resolves.toMatchObject({ exitCode: 137, oomKilled: true });
  });

  it('names the field of the request because of which a command cannot be started', async () => {
    plays(async (program) => program.send('f', 'cwd No such file or directory'));
    await expect(run({ cwd: 'no/such' })).rejects.toMatchObject({
      code: 'validation_failed',
      fields: [{ field: 'cwd', messages: ['the folder /workspace/no/such cannot be used: No such file or directory'] }],
    });
    plays(async (program) => program.send('f', 'command Argument list too long'));
    await expect(run()).rejects.toMatchObject({
      fields: [{ field: 'command', messages: ['cannot be used: Argument list too long'] }],
    });
  });

  it.each<[string, (side: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream }) => number, object]>([
    ['ends without output', () => 137, { code: 'workspace_tool_failed' }],
    [
      'ends with an error message',
      ({ stderr }) => (stderr.write('MemoryError'), 1),
      { code: 'workspace_tool_failed', message: expect.stringContaining('MemoryError') },
    ],
    [
      'is missing in the image',
      ({ stdout }) => (stdout.write('OCI driver exec failed: no such file or directory'), 126),
      { code: 'image_outdated' },
    ],
    [
      'cannot be started',
      ({ stdout }) => (stdout.write('OCI driver exec failed: resource temporarily unavailable'), 126),
      { code: 'workspace_tool_failed', message: expect.stringContaining('resource temporarily') },
    ],
  ])('reports that the program in the container %s', async (_, end, expected) => {
    driver.onOpen = async (_request, side) => end(side);
    await expect(run()).rejects.toMatchObject(expected);
  });

  it('reports a container that stops during the command, or does not run', async () => {
    plays(async (program) => {
      await program.receive();
      row = { ...row, status: 'stopping' };
      return 143;
    });
    await expect(run()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: 'stopping' } });
    await expect(run()).rejects.toMatchObject({ code: 'invalid_state', extensions: { currentStatus: 'stopping' } });
    row = { ...row, status: 'running' };
    await driver.pause(workspaceOf(row));
    await expect(run()).rejects.toMatchObject({ code: 'invalid_state' });
  });

  const ended = new Promise<number>(() => undefined);
  const opened = async () => {
    while (driver.processes.length === 0) await Promise.resolve();
    return driver.processes[0]!.process;
  };

  it('ends the command when its client disconnects, and when DevForge stops', async () => {
    driver.onOpen = () => ended;
    const first = run();
    const process = await opened();
    client.abort();
    await expect(first).rejects.toMatchObject({ code: 'aborted' });
    expect(process.stdin.writableEnded).toBe(true);
    client = new AbortController();
    const second = run();
    while (driver.processes.length < 2) await Promise.resolve();
    service.onModuleDestroy();
    await expect(second).rejects.toMatchObject({ code: 'shutting_down' });
  });

  it('stops waiting a minute after the time-out, and frees the slot of the command', async () => {
    jest.useFakeTimers();
    driver.onOpen = () => ended;
    for (let round = 0; round < 20; round++) {
      const late = run({ timeoutSeconds: 2 });
      late.catch(() => undefined);
      await jest.advanceTimersByTimeAsync(61_000);
      await expect(Promise.race([late, 'waits'])).resolves.toBe('waits');
      await jest.advanceTimersByTimeAsync(1_100);
      await expect(late).rejects.toMatchObject({ code: 'workspace_tool_failed' });
    }
  });

  it('ends a program that sends far more than it was asked for', async () => {
    plays(async (program) => {
      for (let frame = await program.receive(); frame !== 'E'; frame = await program.receive());
      for (let sent = 0; sent < 64; sent++) program.send('o', 'x'.repeat(64 * 1024));
      await program.receive();
    });
    await expect(run({ maxOutputBytes: 10 })).rejects.toMatchObject({ code: 'output_limit_exceeded' });
  });
});
