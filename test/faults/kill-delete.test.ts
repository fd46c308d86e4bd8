import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import type { RequestMatcher } from '../support/engine-proxy/engine-request.js';
import { crash, type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import type { When } from '../support/engine-proxy/hold.js';
import { creates, nth, removesContainer, removesVolume, starts, stops } from '../support/engine-proxy/matchers.js';
import { expectGone, expectRemovable, expectComplete, tracesOf } from '../support/faults/traces.js';

type Point = [what: string, when: When, matcher: () => RequestMatcher];
const REMOVAL: Point[] = [
  ['a container', 'before', () => removesContainer],
  ['a container', 'after', () => removesContainer],
  ['the first volume', 'before', () => removesVolume],
  ['the last volume', 'after', () => nth(4, removesVolume)],
];
const REBUILD: Point[] = [
  ['the removal of the old container', 'before', () => removesContainer],
  ['the removal of the old container', 'after', () => removesContainer],
  ['the creation of the new one', 'after', () => creates('workspace')],
];
const BOTH: When[] = ['before', 'after'];

describe('a SIGKILL of the server', () => {
  let server: FaultServer;

  beforeAll(async () => {
    server = await startFaultServer();
  }, IMAGE_BUILD_MS);
  afterEach(() => server?.proxy.reset());
  afterAll(() => server?.dispose(), 60_000);

  const running = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const response = await server.api.create(small(extra), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    return response.body;
  };
  /** Asks, and is cut off by the kill. */
  const killedDuring = async (matches: RequestMatcher, when: When, ask: () => Promise<unknown>): Promise<void> => {
    const hold = server.proxy.hold(matches, when);
    const asked = ask().catch(() => undefined);
    await hold.reached();
    await crash(server);
    await asked;
    await server.devforge.restart();
  };
  const isRunning = async ({ dockerId }: Container) => (await server.engine.inspect(dockerId!)).State.Running;

  it.each(REMOVAL)(
    'during a delete, at the removal of %s and %s the engine executed it, leaves nothing behind',
    async (_what, when, matcher) => {
      const { id } = await running({ sshKeyPath: server.key.privateKeyPath });
      await killedDuring(matcher(), when, () => server.api.remove(id));
      await expectGone(server, id);
      expect(ok(await server.api.list()).items).toEqual([]);
    },
    90_000,
  );

  it('during a delete with keepVolume keeps the volume', async () => {
    const { id } = await running();
    await killedDuring(removesVolume, 'before', () => server.api.remove(id, { keepVolume: true }));
    const volume = `devforge-${id}-workspace`;
    await expectGone(server, id, [volume]);
    expect(ok(await server.api.list()).items).toEqual([]);
    await server.engine.docker.getVolume(volume).remove();
  }, 90_000);

  it('during the delete of a container that is being created leaves nothing behind', async () => {
    const create = server.proxy.hold(creates('workspace'), 'after');
    const { id } = ok(await server.api.create(small()));
    await create.reached();
    const removal = server.proxy.hold(removesContainer, 'before');
    const asked = server.api.remove(id).catch(() => undefined);
    // The work on the container may release its lease first.
    await until('the removal is written down', async () => (await server.api.get(id)).body.status === 'deleting');
    expect(await tracesOf(server.engine, id)).not.toEqual([]);
    await crash(server);
    removal.drop();
    await asked;
    await server.devforge.restart();
    await expectGone(server, id);
  }, 90_000);

  it('during a delete removes what the engine executes after the death of the process', async () => {
    const create = server.proxy.hold(creates('workspace'), 'before');
    const { id } = ok(await server.api.create(small()));
    await create.reached();
    await server.devforge.kill();
    await server.devforge.restart();
    await expectComplete(server, id);
    await expectRemovable(server, id);
    create.release();
    await until('the engine makes it after all', async () => (await tracesOf(server.engine, id)).length > 0);
    await until('it is swept away', async () => (await tracesOf(server.engine, id)).length === 0, 30_000);
    expect(ok(await server.api.list()).items).toEqual([]);
  }, 90_000);

  it.each(BOTH)(
    'during a stop, %s the engine executed it, ends with a stopped container',
    async (when) => {
      const container = await running();
      await killedDuring(stops, when, () => server.api.stop(container.id));
      const stopped = await server.api.waitForStatus(container.id, 'stopped');
      expect(stopped.statusReason).toBeNull();
      expect(await isRunning(container)).toBe(false);
      ok(await server.api.start(container.id));
      await expectComplete(server, container.id);
      await expectRemovable(server, container.id);
    },
    90_000,
  );

  it.each(REBUILD)(
    'during a rebuild, at %s and %s the engine executed it, ends with a new container that has all files',
    async (_what, when, matcher) => {
      const container = await running();
      const keep = 'echo kept | tee /workspace/note ~/note';
      await server.engine.exec(container.dockerId!, ['sh', '-c', keep]);
      await killedDuring(matcher(), when, () => server.api.request('POST', `/api/containers/${container.id}/rebuild`));
      const rebuilt = await expectComplete(server, container.id);
      expect(rebuilt.dockerId).not.toBe(container.dockerId);
      const notes = await server.engine.exec(rebuilt.dockerId!, ['sh', '-c', 'cat /workspace/note ~/note']);
      expect(notes.stdout).toBe('kept\nkept\n');
      await expectRemovable(server, container.id);
    },
    90_000,
  );

  it.each(BOTH)(
    'during a start, %s the engine executed it, ends with a running container',
    async (when) => {
      const container = await running();
      await server.engine.exec(container.dockerId!, ['sh', '-c', 'echo kept > /workspace/note']);
      ok(await server.api.stop(container.id));
      await killedDuring(starts, when, () => server.api.start(container.id));
      const started = await expectComplete(server, container.id);
      expect(started.dockerId).toBe(container.dockerId);
      expect((await server.engine.exec(started.dockerId!, ['cat', '/workspace/note'])).stdout).toBe('kept\n');
      await expectRemovable(server, container.id);
    },
    90_000,
  );
});
