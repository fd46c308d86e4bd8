import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { DriverError } from '../driver-error.js';
import { fakeSpec } from '../fake/fake-workspace.js';
import type { WorkspaceEvent, WorkspaceSpec } from '../workspace.js';
import { DockerWorkspaceDriver } from './docker-workspace-driver.js';
import { FakeEngineClient } from './engine/fake/fake-engine-client.js';
import type { WorkspaceImages } from './images/workspace-images.js';
import { namesOf } from './names.js';
import type { UsageSources } from './usage/usage-sources.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const { signal } = new AbortController();

describe('DockerWorkspaceDriver', () => {
  const names = namesOf(ID);
  let engine: FakeEngineClient;
  let driver: DockerWorkspaceDriver;
  let keyed: WorkspaceSpec;

  beforeEach(() => {
    engine = new FakeEngineClient();
    engine.images.add('image');
    engine.containers.onExec = ({ argv }) => ({ exitCode: argv[1] === '-l' ? 1 : 0 });
    driver = new DockerWorkspaceDriver(engine, {} as WorkspaceImages, {} as UsageSources, new FakeClock());
    keyed = fakeSpec({ id: ID, readGitKey: async () => Buffer.from('key') });
  });

  const stagesOf = async (spec: WorkspaceSpec): Promise<string[]> => {
    const stages: string[] = [];
    await driver.ensure(spec, (stage) => void stages.push(stage), signal);
    return stages;
  };

  it('creates a sidecar only for a workspace with a Git key', async () => {
    await expect(stagesOf({ ...keyed, readGitKey: null })).resolves.toEqual(['network', 'container']);
    await expect(engine.containers.inspect(names.gitAgent)).resolves.toBeNull();
    await expect(stagesOf(keyed)).resolves.toEqual(['network', 'git-agent', 'container']);
    expect(engine.containers.require(names.gitAgent).state).toBe('running');
  });

  it('does not touch the sidecar again when it starts what it has just created', async () => {
    const ref = await driver.ensure(keyed, () => undefined, signal);
    const before = engine.containers.execs.length;
    await driver.start(ref);
    expect(engine.containers.execs).toHaveLength(before);
    expect(engine.containers.require(names.workspace).state).toBe('running');
  });

  it('stops the sidecar with the workspace, also when the workspace has vanished', async () => {
    const ref = await driver.ensure(keyed, () => undefined, signal);
    await driver.start(ref);
    await driver.stop(ID, 1);
    expect([names.workspace, names.gitAgent].map((name) => engine.containers.require(name).state)).toEqual([
      'exited',
      'exited',
    ]);
    await driver.startAgain(ref, keyed, signal);
    engine.containers.vanish(names.workspace);
    await expect(driver.stop(ID, 1)).rejects.toMatchObject({ code: 'not_found' });
    expect(engine.containers.require(names.gitAgent).state).toBe('exited');
  });

  it('asks for the number of cores once, and again after the event stream has ended', async () => {
    const infos = (): number => engine.faults.calls.filter((call) => call === 'system.info').length;
    for (const id of ['a', 'b']) await stagesOf(fakeSpec({ id }));
    expect(infos()).toBe(1);
    const watching = driver.watch(
      () => undefined,
      signal,
      () => undefined,
    );
    await settled();
    engine.system.endWatches();
    await watching;
    engine.faults.failNext('system.info', new DriverError('unavailable', 'x'));
    await expect(stagesOf(fakeSpec({ id: 'c' }))).rejects.toMatchObject({ code: 'unavailable' });
    await stagesOf(fakeSpec({ id: 'c' }));
    expect(infos()).toBe(3);
  });

  it('reports events of workspaces, and none of sidecars or commands', async () => {
    const events: WorkspaceEvent[] = [];
    const stopped = new AbortController();
    const watching = driver.watch(
      (event) => events.push(event),
      stopped.signal,
      () => undefined,
    );
    await settled();
    const labels = { 'devforge.id': ID, 'devforge.role': 'workspace' };
    engine.system.emit('start', 'r', labels);
    engine.system.emit('exec_start: ls', 'r', labels);
    engine.system.emit('start', 'agent', { ...labels, 'devforge.role': 'git-agent' });
    engine.system.emit('die', 'r', labels);
    stopped.abort();
    await watching;
    expect(events.map(({ id, runtimeId, type }) => [id, runtimeId, type])).toEqual([
      [ID, 'r', 'started'],
      [ID, 'r', 'exited'],
    ]);
  });
});
