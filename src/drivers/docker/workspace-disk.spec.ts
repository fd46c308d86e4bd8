import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock } from '../../../test/support/clock/fake-clock.js';
import { DriverError } from '../driver-error.js';
import type { FakeExecOutcome } from '../fake/fake-exec.js';
import { fakeSpec } from '../fake/fake-workspace.js';
import { workspaceContainer } from './container-specs.js';
import { FakeEngineClient } from './engine/fake/fake-engine-client.js';
import { namesOf } from './names.js';
import { WorkspaceDisk } from './workspace-disk.js';

const LAYER = 1_000;
const WALKED = '100\t/workspace\n20\t/var/lib/devforge\n3\t/home/dev\n';
const MEASURED = 50_000 + 4_000 + 300;
const { workspaceVolume, stateVolume, homeVolume, gitAgentVolume } = namesOf('c1');

describe('WorkspaceDisk', () => {
  let engine: FakeEngineClient;
  let clock: FakeClock;
  let disk: WorkspaceDisk;
  let dockerId: string;
  let du: FakeExecOutcome | DriverError;

  beforeEach(async () => {
    engine = new FakeEngineClient();
    engine.images.add('image');
    clock = new FakeClock();
    disk = new WorkspaceDisk(engine, clock);
    const spec = workspaceContainer(fakeSpec({ readGitKey: async () => Buffer.from('key') }), engine.system.present);
    const container = engine.containers.add(spec);
    Object.assign(container, { state: 'running', writableLayerBytes: LAYER });
    ({ dockerId } = container);
    du = { exitCode: 0, stdout: WALKED };
    engine.containers.onExec = async () => {
      if (du instanceof DriverError) throw du;
      return du;
    };
    engine.system.sizes.set(workspaceVolume, 50_000).set(stateVolume, 4_000).set(homeVolume, 300);
    engine.system.sizes.set(gitAgentVolume, 7).set('foreign', 1e12);
  });

  const measurements = (): number => engine.faults.calls.filter((call) => call === 'system.volumeBytes').length;

  it('counts the writable layer and every volume that can be written to', async () => {
    await expect(disk.bytes(dockerId)).resolves.toBe(LAYER + 123);
    expect(engine.containers.execs[0]!.request.argv.slice(1)).toEqual([
      '-s',
      '--block-size=1',
      '/workspace',
      '/var/lib/devforge',
      '/home/dev',
    ]);
    expect(measurements()).toBe(0);
  });

  it('uses the program of the base system where the image has no other', async () => {
    engine.containers.onExec = ({ argv }) =>
      argv[0] === '/usr/bin/du' ? { exitCode: 0, stdout: WALKED } : { exitCode: 126, stdout: 'no such file' };
    await expect(disk.bytes(dockerId)).resolves.toBe(LAYER + 123);
  });

  it('takes a walk during which files were removed', async () => {
    du = { exitCode: 1, stdout: WALKED, stderr: "du: cannot access '/workspace/x': No such file or directory\n" };
    await expect(disk.bytes(dockerId)).resolves.toBe(LAYER + 123);
  });

  it.each<[string, FakeExecOutcome | DriverError]>([
    [
      'is not allowed to read a directory',
      {
        exitCode: 1,
        stdout: WALKED,
        stderr:
          "du: cannot access '/workspace/x': No such file or directory\ndu: cannot read directory '/workspace/y': Permission denied\n",
      },
    ],
    ['is killed', { exitCode: 137, stdout: '' }],
    ['cannot be started', { exitCode: 126, stdout: 'OCI runtime exec failed' }],
    ['prints more than it should', { exitCode: 0, stdout: `0\t/workspace\n${WALKED}` }],
    ['prints less than it should', { exitCode: 0, stdout: '0\t/workspace\n' }],
    ['takes too long', new DriverError('timed_out', 'x')],
    ['is refused, as in a paused container', new DriverError('conflict', 'x')],
  ])('has the engine measure the volumes when the walk inside %s', async (_, outcome) => {
    du = outcome;
    await expect(disk.bytes(dockerId)).resolves.toBe(LAYER + MEASURED);
  });

  it.each(['unavailable', 'not_found'] as const)('knows nothing when the engine answers %s', async (code) => {
    du = new DriverError(code, 'x');
    await expect(disk.bytes(dockerId)).rejects.toMatchObject({ code });
    expect(measurements()).toBe(0);
  });

  it('knows nothing when the engine could not measure one of the volumes', async () => {
    du = { exitCode: 137, stdout: '' };
    engine.system.sizes.delete(stateVolume);
    await expect(disk.bytes(dockerId)).rejects.toMatchObject({ code: 'failed' });
  });

  it('has all volumes measured once for many workspaces, and again later or after a failure', async () => {
    du = { exitCode: 137, stdout: '' };
    engine.faults.failNext('system.volumeBytes', new DriverError('failed', 'x'));
    await expect(disk.bytes(dockerId)).rejects.toMatchObject({ code: 'failed' });
    await Promise.all([disk.bytes(dockerId), disk.bytes(dockerId)]);
    await disk.bytes(dockerId);
    expect(measurements()).toBe(2);
    await clock.advance(15_001);
    engine.system.sizes.set(homeVolume, 400);
    await expect(disk.bytes(dockerId)).resolves.toBe(LAYER + MEASURED + 100);
  });
});
