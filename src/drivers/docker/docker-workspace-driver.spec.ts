import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { fakeSpec } from '../fake/fake-workspace.js';
import { NO_SECRETS } from '../workspace-egress.js';
import type { WorkspaceEvent, WorkspaceSpec } from '../workspace.js';
import { DockerWorkspaceDriver } from './docker-workspace-driver.js';
import { FakeEngineClient } from './engine/fake/fake-engine-client.js';
import { FakeEgressGateway } from './gateway/fake-egress-gateway.js';
import type { WorkspaceImages } from './images/workspace-images.js';
import { workspaceContainer } from './container-specs.js';
import { namesOf } from './names.js';
import type { UsageSources } from './usage/usage-sources.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const { signal } = new AbortController();

describe('DockerWorkspaceDriver', () => {
  const names = namesOf(ID);
  let engine: FakeEngineClient;
  let gateway: FakeEgressGateway;
  let driver: DockerWorkspaceDriver;
  let keyed: WorkspaceSpec;

  beforeEach(() => {
    engine = new FakeEngineClient();
    gateway = new FakeEgressGateway();
    engine.images.add('image');
    engine.containers.onExec = ({ argv }) => ({ exitCode: argv[1] === '-l' ? 1 : 0 });
    driver = new DockerWorkspaceDriver(engine, {} as WorkspaceImages, {} as UsageSources, gateway, new FakeClock());
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

  it('gives each workspace a network of its own where one bridge cannot keep its containers apart', async () => {
    engine.system.present = { ...engine.system.present, isolation: 'between-bridges' };
    await stagesOf(fakeSpec({ id: ID }));
    const labels = { 'devforge.managed': 'true', 'devforge.id': ID, 'devforge.role': 'network' };
    await expect(engine.networks.list(`devforge.id=${ID}`)).resolves.toEqual([{ name: `devforge-${ID}`, labels }]);
    await driver.remove(ID, { keepData: true });
    await expect(engine.networks.list('devforge.id')).resolves.toEqual([]);
  });

  it('takes the network from a workspace that is restricted, and gives it back to one that is opened at its next start', async () => {
    const open = fakeSpec({ id: ID });
    const restricted = { ...open, egress: { mode: 'restricted' as const, allow: [] } };
    const ref = await driver.ensure(open, () => undefined, signal);
    await driver.start(ref);
    await driver.setEgress(ID, restricted.egress);
    await expect(engine.containers.inspect(ref.runtimeId)).resolves.toMatchObject({ networks: [] });
    expect(gateway.workspaces.get(ID)).toEqual({ egress: restricted.egress });
    await driver.stop(ID, 1);
    const again = await driver.startAgain(ref, restricted, signal);
    expect(again.runtimeId).not.toBe(ref.runtimeId);
    expect(engine.containers.require(again.runtimeId)).toMatchObject({ state: 'running', spec: { network: 'none' } });
    await driver.setEgress(ID, open.egress);
    await driver.stop(ID, 1);
    const opened = await driver.startAgain(again, open, signal);
    expect(engine.containers.require(opened.runtimeId).spec.network).toBe('devforge');
    await driver.stop(ID, 1);
    await expect(driver.startAgain(opened, open, signal)).resolves.toEqual(opened);
  });

  it('says of a workspace of an older release that it has to be created anew', async () => {
    const spec = fakeSpec({ id: ID });
    const container = workspaceContainer(spec, { ...engine.system.present, canFence: false });
    const { dockerId } = await engine.containers.create(container);
    await engine.networks.ensureIsolatedBridge('devforge', {});
    const ref = { id: ID, runtimeId: dockerId };
    await expect(driver.setEgress(ID, { mode: 'none', allow: [] })).rejects.toMatchObject({ code: 'outdated' });
    await expect(driver.setSecrets(ID, NO_SECRETS)).rejects.toMatchObject({ code: 'outdated' });
    const restricted = { ...spec, egress: { mode: 'restricted' as const, allow: [] } };
    await expect(driver.startAgain(ref, restricted, signal)).rejects.toMatchObject({ code: 'outdated' });
    await expect(driver.startAgain(ref, spec, signal)).resolves.toEqual(ref);
  });

  it('creates no restricted workspace on an engine that cannot restrict it', async () => {
    engine.system.present = { ...engine.system.present, canFence: false };
    const restricted = fakeSpec({ id: ID, egress: { mode: 'restricted', allow: [] } });
    await expect(driver.ensure(restricted, () => undefined, signal)).rejects.toMatchObject({ code: 'invalid' });
    await driver.ensure(fakeSpec({ id: ID }), () => undefined, signal);
    expect(gateway.workspaces.size).toBe(0);
  });

  it('has no address for a workspace whose network the host has no route to', async () => {
    const ref = await driver.ensure(fakeSpec({ id: ID }), () => undefined, signal);
    await driver.start(ref);
    await expect(driver.address(ref)).resolves.not.toBeNull();
    engine.system.present = { ...engine.system.present, isRootless: true };
    await expect(driver.address(ref)).resolves.toBeNull();
  });

  it('reports what the engine cannot do once it has answered', async () => {
    const able = {
      pause: true,
      snapshot: true,
      hardDiskLimit: false,
      fence: true,
      resourceLimits: true,
      customImages: true,
    };
    expect(driver.capabilities).toEqual(able);
    const limits = { cpu: true, memory: false, pids: true };
    engine.system.present = { ...engine.system.present, name: 'Podman', canPause: false, limits };
    await expect(driver.info()).resolves.toMatchObject({
      name: 'Podman',
      shortcomings: [expect.stringContaining('memoryLimit'), expect.stringContaining('paused')],
    });
    expect(driver.capabilities).toEqual({ ...able, pause: false, snapshot: false, resourceLimits: false });
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
