import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { Engine } from '../support/api/engine.js';
import { dockerDriver } from '../support/drivers/docker-driver.js';
import { workspaceImage } from '../support/images/workspace-image.js';
import { FakeWorkspaceDriver } from '../../src/drivers/fake/fake-workspace-driver.js';
import type { WorkspaceDriver } from '../../src/drivers/workspace-driver.js';
import type { WorkspaceRef, WorkspaceSpec } from '../../src/drivers/workspace.js';
import { idleSpec } from './workspace-driver-harness.js';

const { signal } = new AbortController();
const onStage = (): void => undefined;
const SECRET = 'in-the-environment-of-the-origin';

describe.each<[string, () => WorkspaceDriver]>([
  ['fake', () => new FakeWorkspaceDriver()],
  ['docker', () => dockerDriver()],
])('snapshots of the %s driver', (name, make) => {
  const driver = make();
  const isReal = name === 'docker';
  const engine = new Engine();
  const ids: string[] = [];
  const snapshots: string[] = [];
  let image: string;
  let origin: WorkspaceRef;
  let saved: string;

  function spec(overrides: Partial<WorkspaceSpec> = {}): WorkspaceSpec {
    const wanted = idleSpec({ image }, { limits: { cpus: 1, memoryMiB: 256, diskMiB: 1_024, pids: 64 }, ...overrides });
    ids.push(wanted.id);
    return wanted;
  }
  const newSnapshot = (): string => {
    const id = randomUUID();
    snapshots.push(id);
    return id;
  };
  const shell = async (ref: WorkspaceRef, script: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await driver.exec(ref, { argv: ['sh', '-c', script], timeoutMs: 20_000 });
    if (exitCode !== 0) throw new Error(stderr);
    return stdout;
  };
  const copyOf = async (snapshotId: string): Promise<WorkspaceRef> => {
    const wanted = spec();
    const ref = await driver.ensure(wanted, onStage, signal);
    for (let round = 0; round < 2; round++) await driver.restoreSnapshot(wanted, snapshotId, image, signal);
    await driver.start(ref);
    return ref;
  };

  beforeAll(async () => {
    image = isReal
      ? await workspaceImage('claude')
      : await driver.prepare({ template: 'claude' }, () => undefined, signal);
    if (isReal) await workspaceImage('gateway');
    origin = await driver.ensure(spec({ env: { SECRET } }), onStage, signal);
    await driver.start(origin);
    saved = newSnapshot();
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    for (const id of snapshots) await driver.removeSnapshot(id);
    for (const id of ids) await driver.remove(id, { keepData: false });
  }, 60_000);

  it('have the files of a running workspace, which goes on, and give them to others', async () => {
    if (isReal)
      await shell(
        origin,
        'echo one > /workspace/file; echo two > ~/file; mkdir -p /var/tmp/deep; echo three > /var/tmp/deep/file; mkdir "$CLAUDE_CONFIG_DIR" /var/lib/devforge/claude 2> /dev/null; echo four > /var/lib/devforge/claude/file; chmod 000 ~/file',
      );
    const { bytes, pausedMs } = await driver.saveSnapshot(origin, saved, image, signal);
    expect(bytes).toBeGreaterThanOrEqual(isReal ? 1 : 0);
    expect(pausedMs).toBeGreaterThanOrEqual(0);
    await expect(driver.observe(origin.id)).resolves.toMatchObject({ state: 'running' });
    const [one, two] = await Promise.all([copyOf(saved), copyOf(saved)]);
    expect(one.id).not.toBe(two.id);
    if (!isReal) return;
    await shell(one, 'echo changed > /workspace/file');
    const all = 'chmod 600 ~/file; cat /workspace/file ~/file /var/tmp/deep/file /var/lib/devforge/claude/file';
    expect(await shell(two, all)).toBe('one\ntwo\nthree\nfour\n');
    expect(await shell(origin, 'cat /workspace/file')).toBe('one\n');
    expect(await shell(two, 'echo "[$SECRET]"')).toBe('[]\n');
    const { Config, HostConfig } = await engine.docker.getContainer(two.runtimeId).inspect();
    expect(JSON.stringify([Config, HostConfig])).not.toContain(SECRET);
  }, 120_000);

  it('can be of a workspace that does not run', async () => {
    const ref = await driver.ensure(spec(), onStage, signal);
    await driver.start(ref);
    await driver.stop(ref.id, 0);
    const id = newSnapshot();
    await expect(driver.saveSnapshot(ref, id, image, signal)).resolves.toMatchObject({ pausedMs: 0 });
    await expect(driver.observe(ref.id)).resolves.toMatchObject({ state: 'exited' });
  }, 60_000);

  it('are refused where there is nothing to save or to restore, and to a workspace that runs', async () => {
    const gone = { id: randomUUID(), runtimeId: 'f'.repeat(64) };
    await expect(driver.saveSnapshot(gone, newSnapshot(), image, signal)).rejects.toMatchObject({ code: 'not_found' });
    const wanted = spec();
    const ref = await driver.ensure(wanted, onStage, signal);
    await expect(driver.restoreSnapshot(wanted, randomUUID(), image, signal)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(driver.restoreSnapshot(spec(), saved, image, signal)).rejects.toMatchObject({ code: 'not_found' });
    await driver.start(ref);
    await expect(driver.restoreSnapshot(wanted, saved, image, signal)).rejects.toMatchObject({ code: 'conflict' });
  }, 60_000);

  it('leave the workspace running, and are removed, when nobody waits for them any more', async () => {
    const id = newSnapshot();
    await expect(driver.saveSnapshot(origin, id, image, AbortSignal.abort())).rejects.toMatchObject({
      code: 'aborted',
    });
    await expect(driver.observe(origin.id)).resolves.toMatchObject({ state: 'running' });
    for (let round = 0; round < 2; round++) await driver.removeSnapshot(id);
    const fresh = spec();
    await driver.ensure(fresh, onStage, signal);
    await expect(driver.restoreSnapshot(fresh, id, image, signal)).rejects.toMatchObject({ code: 'not_found' });
  }, 60_000);
});
