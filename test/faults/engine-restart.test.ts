import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { listsContainers } from '../support/engine-proxy/matchers.js';
import { crash, type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import { expectRemovable, expectComplete } from '../support/faults/traces.js';

/** A stop at the engine counts as intended when DevForge ran on for this long; nothing marks the end of it. */
const INTENDED_MS = 12_000;
/** Shorter than the interval of the reconciler, so that only an event of the engine can be the cause. */
const BY_EVENT_MS = 8_000;

describe('containers that were stopped at the engine', () => {
  let server: FaultServer;

  beforeAll(async () => {
    server = await startFaultServer();
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  const running = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const response = await server.api.create(small(extra), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    return response.body;
  };
  const killAtEngine = async ({ id }: Container): Promise<void> => {
    const { containers } = await server.engine.labelled(id);
    await Promise.all(containers.map(({ Id }) => server.engine.docker.getContainer(Id).kill()));
  };

  it('are started again with sidecar and key when the engine stopped while DevForge was stopped', async () => {
    const [plain, keyed, stopped] = await Promise.all([
      running(),
      running({ sshKeyPath: server.key.privateKeyPath }),
      running(),
    ]);
    ok(await server.api.stop(stopped.id));
    await server.devforge.stop();
    await Promise.all([plain, keyed].map(killAtEngine));
    await server.devforge.restart();
    for (const [container, key] of [
      [plain, false],
      [keyed, true],
    ] as const) {
      await until('it is started again', async () => (await server.engine.inspect(container.dockerId!)).State.Running);
      const again = await expectComplete(server, container.id, { key });
      expect(again.dockerId).toBe(container.dockerId);
      expect(Date.parse(again.startedAt!)).toBeGreaterThan(Date.parse(container.startedAt!));
    }
    const listed = await server.engine.exec(keyed.dockerId!, ['ssh-add', '-l']);
    expect(listed).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('ED25519') });
    expect(ok(await server.api.get(stopped.id)).status).toBe('stopped');
    expect((await server.engine.inspect(stopped.dockerId!)).State.Running).toBe(false);
    for (const { id } of [plain, keyed, stopped]) await expectRemovable(server, id);
  }, 120_000);

  it('stay stopped when they were stopped by hand while DevForge ran', async () => {
    await server.devforge.restart();
    const container = await running();
    await server.engine.docker.getContainer(container.dockerId!).kill();
    await server.api.waitForStatus(container.id, 'stopped', BY_EVENT_MS);
    await sleep(INTENDED_MS);
    await crash(server);
    const before = server.proxy.count(listsContainers);
    await server.devforge.restart();
    // The reconciler looks at everything at once after a start; a container that is created afterwards shows that it has.
    await until('the first reconciliation', () => server.proxy.count(listsContainers) > before);
    const witness = await running();
    expect(ok(await server.api.get(container.id))).toMatchObject({
      status: 'stopped',
      statusReason: { code: 'exited' },
    });
    expect((await server.engine.inspect(container.dockerId!)).State.Running).toBe(false);
    ok(await server.api.start(container.id));
    for (const { id } of [container, witness]) await expectRemovable(server, id);
  }, 120_000);
});
