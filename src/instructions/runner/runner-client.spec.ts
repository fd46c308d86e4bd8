import { buffer, text } from 'node:stream/consumers';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ContainersRepository } from '../../persistence/containers/containers.repository.js';
import { WorkspacePrograms } from '../../workspace/programs/workspace-programs.js';
import { NO_SUCH_PROGRAM } from '../../../test/support/workspace-program.js';
import { FakeWorkspaceDriver } from '../../drivers/fake/fake-workspace-driver.js';
import type { FakeProcessSide } from '../../drivers/fake/fake-process.js';
import { type FollowedPart, RunnerClient, type RunRef, type RunRequest } from './runner-client.js';

const REQUEST = { prompt: 'p', cwd: '/workspace' } as RunRequest;
const OUTCOME = '{"status":"succeeded","result":"r"}';

describe('RunnerClient', () => {
  let driver: FakeWorkspaceDriver;
  let runner: RunnerClient;
  let run: RunRef;
  let signal: AbortController;

  beforeEach(async () => {
    driver = new FakeWorkspaceDriver();
    runner = new RunnerClient(new WorkspacePrograms(driver, {} as ContainersRepository));
    run = { workspace: driver.run(), instructionId: 'id' };
    signal = new AbortController();
  });

  const answers = (stdout: string, exitCode = 0, stderr = ''): void => {
    driver.onExec = () => ({ exitCode, stdout, stderr });
  };
  const plays = (play: (side: FakeProcessSide) => Promise<number> | number): void => {
    driver.onOpen = async (_, side) => play(side);
  };
  const executed = () => driver.execs.map(({ request: { argv, stdin } }) => [argv.join(' '), stdin]);
  const collect = async (parts: AsyncGenerator<FollowedPart>): Promise<(string[] | FollowedPart)[]> => {
    const all: (string[] | FollowedPart)[] = [];
    for await (const part of parts) all.push(part.kind === 'events' ? part.lines.map(String) : part);
    return all;
  };
  const followed = (offset = 0) => collect(runner.follow(run, offset, signal.signal));
  const performed = (offset = 0) => collect(runner.perform(run, { request: REQUEST, env: {} }, offset, signal.signal));
  const opened = () => driver.processes.map(({ process }) => process.request.argv.slice(1).join(' '));
  /** What each command prints. */
  const prints = (outputs: Record<string, string>, exitCode = 0): void => {
    driver.onOpen = async ({ argv }, { stdout }) => {
      stdout.write(outputs[argv[1]!]!);
      return exitCode;
    };
  };

  it('passes ids as arguments, and what may be long or private as input', async () => {
    answers('{"state":"answered"}');
    await expect(runner.answer(run, 'r', 'deny', 'No.')).resolves.toBe('answered');
    await runner.forget(run);
    expect(executed()).toEqual([
      ['/usr/local/bin/devforge-instruction answer id r', '{"decision":"deny","message":"No."}'],
      ['/usr/local/bin/devforge-instruction remove id', ''],
      ['/usr/local/bin/devforge-instruction cancel id', ''],
    ]);
    let input = '';
    driver.onOpen = async (_, { stdin, stdout }) => {
      input = await text(stdin);
      stdout.write(`{"state":"started"}\nO ${OUTCOME}\n`);
      return 0;
    };
    await performed();
    expect([opened(), input]).toEqual([['start id follow 0'], JSON.stringify(REQUEST)]);
  });

  it.each([
    [127, NO_SUCH_PROGRAM, '', { name: 'DomainError', code: 'image_outdated' }],
    [126, NO_SUCH_PROGRAM, '', { name: 'DomainError', code: 'image_outdated' }],
    [1, '', 'no space left', { name: 'RunnerError', message: expect.stringContaining('no space left') }],
    [0, 'not json\n', '', { name: 'RunnerError', message: expect.stringContaining('not json') }],
  ])('reports a program that ends with %i after %j', async (exitCode, output, complaint, expected) => {
    answers(output, exitCode, complaint);
    plays(({ stdout, stderr }) => {
      stdout.write(output);
      stderr.write(complaint);
      return exitCode;
    });
    for (const asking of [runner.answer(run, 'r', 'allow'), performed()])
      await expect(asking).rejects.toMatchObject(expected);
  });

  it('removes the greeting from answers, events and patches', async () => {
    answers('devforge-instruction 2\n{"state":"answered"}');
    await expect(runner.answer(run, 'r', 'allow')).resolves.toBe('answered');
    prints({
      start: `devforge-instruction 2\n{"state":"running"}\n`,
      follow: `devforge-instruction 2\nE 1\nO ${OUTCOME}\n`,
      diff: 'devforge-instruction 2\ndiff --git a/a b/a\n',
    });
    await expect(performed()).resolves.toMatchObject([['1'], { kind: 'outcome' }]);
    const patch = Buffer.from(await buffer(runner.diff(run, signal.signal)));
    expect(patch.toString()).toBe('diff --git a/a b/a\n');
  });

  it('starts and follows a new run with one exec, from its first event to its outcome', async () => {
    prints({ start: `{"state":"started"}\nE 1\nE 2\nO ${OUTCOME}\n` });
    const parts = await performed();
    expect(parts.slice(0, -1).flat()).toEqual(['1', '2']);
    expect(parts.at(-1)).toMatchObject({ kind: 'outcome', outcome: { result: 'r' } });
    expect(opened()).toEqual(['start id follow 0']);
  });

  it.each(['running', 'ended'])('follows a run that was started before and is %s', async (state) => {
    prints({ start: `{"state":"${state}"}\n`, follow: `E 3\nO ${OUTCOME}\n` });
    await expect(performed(7)).resolves.toMatchObject([['3'], { kind: 'outcome' }]);
    expect(opened()).toEqual(['start id follow 7', 'follow id 7']);
  });

  it('resumes an interrupted run, and follows it when another process has resumed it', async () => {
    prints({ start: '{"state":"interrupted"}\n', resume: `{"state":"started"}\nE 3\nO ${OUTCOME}\n` });
    await expect(performed(7)).resolves.toMatchObject([['3'], { kind: 'outcome' }]);
    expect(opened()).toEqual(['start id follow 7', 'resume id follow 7']);
    prints({ start: '{"state":"interrupted"}\n', resume: '{"state":"running"}\n', follow: `E 3\nO ${OUTCOME}\n` });
    await expect(performed(7)).resolves.toMatchObject([['3'], { kind: 'outcome' }]);
    expect(opened().slice(2)).toEqual(['start id follow 7', 'resume id follow 7', 'follow id 7']);
  });

  it('gives up after 30 s without an answer', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick', 'setImmediate', 'queueMicrotask'] });
    try {
      plays(() => new Promise(() => undefined));
      const performing = performed();
      while (driver.processes.length === 0) await new Promise(setImmediate);
      jest.advanceTimersByTime(30_000);
      await expect(performing).rejects.toMatchObject({
        name: 'RunnerError',
        message: 'start: the runner did not answer in 30 s',
      });
    } finally {
      jest.useRealTimers();
    }
  });

  it.each([0, 137])('reports an interruption when the runner ends with %i before the run', async (exitCode) => {
    prints({ start: '{"state":"started"}\nE 1\n' }, exitCode);
    await expect(performed()).resolves.toEqual([['1'], { kind: 'interrupted' }]);
  });

  it('follows a run from the given offset to its outcome', async () => {
    plays(({ stdout }) => {
      stdout.write('E {"a":1}\nE {"b"');
      stdout.write(':2}\n');
      stdout.write(`E \nO ${OUTCOME}\n`);
      return 0;
    });
    const parts = await followed(42);
    expect(parts.slice(0, -1).flat()).toEqual(['{"a":1}', '{"b":2}', '']);
    expect(parts.at(-1)).toMatchObject({ kind: 'outcome', outcome: { status: 'succeeded', result: 'r' } });
    expect(driver.processes[0]!.process.request.argv).toEqual([
      '/usr/local/bin/devforge-instruction',
      'follow',
      'id',
      '42',
    ]);
  });

  it('reports that a followed run was interrupted', async () => {
    plays(({ stdout }) => {
      stdout.write('E 1\nI\n');
      return 0;
    });
    await expect(followed()).resolves.toEqual([['1'], { kind: 'interrupted' }]);
  });

  it.each([
    ['ends without a line', '', 0, { name: 'RunnerError' }],
    ['is cut off within an event', 'E {"a"', 0, { name: 'RunnerError' }],
    ['does not know the instruction', '', 3, { name: 'RunnerError' }],
    ['is not in the image', NO_SUCH_PROGRAM, 127, { name: 'DomainError', code: 'image_outdated' }],
    ['writes something else', 'X\n', 0, { name: 'RunnerError' }],
    ['writes something else after an event', 'E 1\nOCI\n', 0, { name: 'RunnerError' }],
    ['writes an outcome without a status', 'O {}\n', 0, { name: 'RunnerError' }],
  ])('fails when the program %s', async (_, output, exitCode, expected) => {
    plays(({ stdout }) => {
      stdout.write(output);
      return exitCode;
    });
    await expect(followed()).rejects.toMatchObject(expected);
  });

  it('closes the program when the signal aborts, also before it has started', async () => {
    plays(({ stdin, stdout }) => {
      stdout.write('E 1\n');
      return new Promise((resolve) => stdin.resume().on('end', () => resolve(0)));
    });
    const reading = followed();
    while (driver.processes.length === 0) await new Promise(setImmediate);
    signal.abort();
    await expect(reading).rejects.toMatchObject({ name: 'DriverError', code: 'aborted' });
    await expect(driver.processes[0]!.process.exit).rejects.toMatchObject({ code: 'aborted' });
    await expect(followed()).rejects.toMatchObject({ code: 'aborted' });
  });

  it('reports a lost engine and a stopped container as the driver does', async () => {
    plays(() => new Promise(() => undefined));
    const reading = followed();
    while (driver.processes.length === 0) await new Promise(setImmediate);
    driver.processes[0]!.process.lose();
    await expect(reading).rejects.toMatchObject({ name: 'DriverError', code: 'unavailable' });
    driver.exit(run.workspace.id, 137);
    await expect(followed()).rejects.toMatchObject({ code: 'conflict' });
    await expect(performed()).rejects.toMatchObject({ code: 'conflict' });
  });

  it('passes on the patch unchanged', async () => {
    const patch = Buffer.from([0, 255, 10, 13, 7]);
    plays(({ stdout }) => {
      stdout.write(patch);
      return 0;
    });
    const pieces: Buffer[] = [];
    for await (const piece of runner.diff(run, signal.signal)) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(patch);
  });
});
