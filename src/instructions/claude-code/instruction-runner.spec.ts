import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ContainerSpec } from '../../runtime/container-runtime.js';
import { FakeRuntime } from '../../runtime/fake/fake-runtime.js';
import type { FakeProcessSide } from '../../runtime/fake/fake-process.js';
import { type FollowedPart, InstructionRunner, RunnerError, type RunPlace, type RunRequest } from './instruction-runner.js';

const REQUEST = { prompt: 'p', cwd: '/workspace' } as RunRequest;
const OUTCOME = '{"status":"succeeded","result":"r"}';

describe('InstructionRunner', () => {
  let runtime: FakeRuntime;
  let runner: InstructionRunner;
  let place: RunPlace;
  let signal: AbortController;

  beforeEach(async () => {
    runtime = new FakeRuntime();
    runner = new InstructionRunner(runtime);
    const { dockerId } = runtime.containers.add({ name: 'c', image: 'i', labels: {}, mounts: [], network: 'none' } as unknown as ContainerSpec);
    await runtime.containers.start(dockerId);
    place = { dockerId, instructionId: 'id' };
    signal = new AbortController();
  });

  const says = (stdout: string, exitCode = 0, stderr = ''): void => {
    runtime.containers.onExec = () => ({ exitCode, stdout, stderr });
  };
  const plays = (play: (side: FakeProcessSide) => Promise<number> | number): void => {
    runtime.containers.onOpen = async (_, side) => play(side);
  };
  const asked = () => runtime.containers.execs.map(({ request: { argv, stdin } }) => [argv.join(' '), stdin]);
  async function followed(offset = 0): Promise<(string[] | FollowedPart)[]> {
    const parts: (string[] | FollowedPart)[] = [];
    for await (const part of runner.follow(place, offset, signal.signal)) parts.push(part.kind === 'events' ? part.lines.map(String) : part);
    return parts;
  }

  it('is told everything by arguments, and what is long or private by its input', async () => {
    says('{"state":"started"}');
    await expect(runner.start(place, REQUEST)).resolves.toBe('started');
    await runner.resume(place);
    await runner.cancel(place);
    says('{"state":"answered"}');
    await expect(runner.answer(place, 'r', 'deny', 'No.')).resolves.toBe('answered');
    await runner.forget(place);
    expect(asked()).toEqual([
      ['/usr/local/bin/devforge-instruction start id', JSON.stringify(REQUEST)],
      ['/usr/local/bin/devforge-instruction resume id', ''],
      ['/usr/local/bin/devforge-instruction cancel id', ''],
      ['/usr/local/bin/devforge-instruction answer id r', '{"decision":"deny","message":"No."}'],
      ['/usr/local/bin/devforge-instruction remove id', ''],
      ['/usr/local/bin/devforge-instruction cancel id', ''],
    ]);
  });

  it.each([
    [127, '', 'missing'],
    [126, '', 'missing'],
    [1, 'no space left', 'failed'],
    [0, '', 'failed'],
  ])('that ends with %i is %s', async (exitCode, stderr, code) => {
    says('not json', exitCode, stderr);
    const error: unknown = await runner.start(place, REQUEST).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RunnerError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(stderr) });
  });

  it('is followed to the outcome, from where it is asked to', async () => {
    plays(({ stdout }) => {
      stdout.write('E {"a":1}\nE {"b"');
      stdout.write(':2}\n');
      stdout.write(`E \nO ${OUTCOME}\n`);
      return 0;
    });
    const parts = await followed(42);
    expect(parts.slice(0, -1).flat()).toEqual(['{"a":1}', '{"b":2}', '']);
    expect(parts.at(-1)).toMatchObject({ kind: 'outcome', outcome: { status: 'succeeded', result: 'r' } });
    expect(runtime.containers.processes[0]!.process.request.argv).toEqual(['/usr/local/bin/devforge-instruction', 'follow', 'id', '42']);
  });

  it('tells that it was interrupted', async () => {
    plays(({ stdout }) => {
      stdout.write('E 1\nI\n');
      return 0;
    });
    await expect(followed()).resolves.toEqual([['1'], { kind: 'interrupted' }]);
  });

  it.each([
    ['ends without a word', '', 0, 'failed'],
    ['is cut off within an event', 'E {"a"', 0, 'failed'],
    ['does not know the instruction', '', 3, 'failed'],
    ['is not there', '', 127, 'missing'],
    ['says something else', 'X\n', 0, 'failed'],
    ['has an outcome that is none', 'O {}\n', 0, 'failed'],
  ])('that %s has failed', async (_, output, exitCode, code) => {
    plays(({ stdout }) => {
      stdout.write(output);
      return exitCode;
    });
    await expect(followed()).rejects.toMatchObject({ name: 'RunnerError', code });
  });

  it('is let go of when the reader gives up, also before it begins', async () => {
    plays(({ stdin, stdout }) => {
      stdout.write('E 1\n');
      return new Promise((resolve) => stdin.resume().on('end', () => resolve(0)));
    });
    const reading = followed();
    while (runtime.containers.processes.length === 0) await new Promise(setImmediate);
    signal.abort();
    await expect(reading).rejects.toMatchObject({ name: 'RuntimeError', code: 'aborted' });
    await expect(runtime.containers.processes[0]!.process.exit).rejects.toMatchObject({ code: 'aborted' });
    await expect(followed()).rejects.toMatchObject({ code: 'aborted' });
  });

  it('is lost with the engine', async () => {
    plays(() => new Promise(() => undefined));
    const reading = followed();
    while (runtime.containers.processes.length === 0) await new Promise(setImmediate);
    runtime.containers.processes[0]!.process.lose();
    await expect(reading).rejects.toMatchObject({ name: 'RuntimeError', code: 'unavailable' });
    runtime.containers.exit(place.dockerId, 137);
    await expect(followed()).rejects.toMatchObject({ code: 'conflict' });
    await expect(runner.start(place, REQUEST)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('hands over the patch as it is', async () => {
    const patch = Buffer.from([0, 255, 10, 13, 7]);
    plays(({ stdout }) => {
      stdout.write(patch);
      return 0;
    });
    const pieces: Buffer[] = [];
    for await (const piece of runner.diff(place, signal.signal)) pieces.push(piece);
    expect(Buffer.concat(pieces)).toEqual(patch);
  });
});
