import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { Engine } from '../support/api/engine.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import {
  BROKEN_BASE,
  GOOD_BASE,
  makeBrokenBase,
  MISSING_BASE,
  removeBrokenBase,
} from '../support/faults/base-images.js';
import { type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import { creates } from '../support/engine-proxy/matchers.js';
import { expectRemovable, expectComplete, tracesOf } from '../support/faults/traces.js';

const LIMIT_MIB = 256;
/** The guard looks every 30 seconds. */
const GUARD_MS = 45_000;

const failed = (server: Pick<TestServer, 'api'>, id: string, timeoutMs = 60_000): Promise<Container> =>
  until(
    'the container to fail',
    async () => {
      const { body } = await server.api.get(id);
      return body.status === 'failed' && body;
    },
    timeoutMs,
  );

describe('a workspace image that cannot be built', () => {
  let server: TestServer;
  const engine = new Engine();

  beforeAll(async () => {
    await makeBrokenBase(engine);
    server = await startTestServer({ BASE_IMAGE: BROKEN_BASE });
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await removeBrokenBase(engine);
  }, 60_000);

  it(
    'fails the container with the end of the build output, and is built on start once the base works',
    async () => {
      await server.devforge.restart({ BASE_IMAGE: BROKEN_BASE });
      const { id } = ok(await server.api.create(small()));
      const { statusReason, job } = await failed(server, id);
      expect(statusReason).toMatchObject({ code: 'image_build_failed' });
      expect(job).toMatchObject({ name: 'create', state: 'failed', step: 'image', attempts: 1 });
      const { output } = ok(await server.api.job(job!.id)).error as { output: string[] };
      expect(output.join('\n')).toContain('apt-get');
      expect(output.length).toBeLessThanOrEqual(20);
      expect(await tracesOf(server.engine, id)).toEqual([]);

      await server.devforge.restart({ BASE_IMAGE: GOOD_BASE });
      await ensureImages(server, 'claude');
      expect(ok(await server.api.get(id)).status).toBe('failed');
      expect((await server.api.start(id)).status).toBe(200);
      await untilRunning(id);
      await expectComplete(server, id);
      await expectRemovable(server, id);
    },
    IMAGE_BUILD_MS,
  );

  it(
    'fails the container and says what to run when the base image cannot be pulled',
    async () => {
      await server.devforge.restart({ BASE_IMAGE: MISSING_BASE });
      const { id } = ok(await server.api.create(small()));
      const { statusReason, job } = await failed(server, id);
      expect(statusReason?.code).toBe('base_image_unavailable');
      expect(statusReason?.message).toContain(MISSING_BASE);
      expect(statusReason?.message).toContain('npm run setup');
      expect(job?.error).toMatchObject({ code: 'base_image_unavailable', output: [expect.any(String)] });
      await server.devforge.restart({ BASE_IMAGE: GOOD_BASE });
      const next = ok(await server.api.create(small()));
      await expectComplete(server, next.id);
      for (const each of [id, next.id]) await expectRemovable(server, each);
    },
    IMAGE_BUILD_MS,
  );

  /** It is failed still when the start was only just accepted. */
  const untilRunning = (id: string) =>
    until('it runs', async () => (await server.api.get(id)).body.status === 'running', 60_000);
});

describe('a full disk', () => {
  let server: FaultServer;
  let greedy: Container;

  beforeAll(async () => {
    server = await startFaultServer();
    greedy = ok(await server.api.create(small({ diskLimit: LIMIT_MIB }), { prefer: 'wait=60' }));
    await server.engine.exec(
      greedy.dockerId!,
      ['dd', 'if=/dev/zero', 'of=/workspace/big', 'bs=1M', `count=${LIMIT_MIB + 16}`],
      { timeoutMs: 60_000 },
    );
  }, IMAGE_BUILD_MS);
  afterEach(() => server?.proxy.reset());
  afterAll(() => server?.dispose(), 60_000);

  it('fails a new container with out_of_disk, and lets it start once there is space', async () => {
    server.proxy.fail(creates('workspace'), 500, 'mkdir /var/lib/docker/overlay2/x: no space left on device');
    const { id } = ok(await server.api.create(small()));
    const { statusReason, job } = await failed(server, id);
    expect(statusReason).toMatchObject({
      code: 'out_of_disk',
      message: expect.stringContaining('no space left on device'),
    });
    expect(job).toMatchObject({ state: 'failed', step: 'container', attempts: 1 });
    server.proxy.reset();
    const next = ok(await server.api.create(small()));
    await expectComplete(server, next.id);
    ok(await server.api.start(id));
    await until('the failed one runs', async () => (await server.api.get(id)).body.status === 'running', 60_000);
    for (const each of [id, next.id]) await expectRemovable(server, each);
  }, 120_000);

  it('stops containers that hide what they wrote: in the state, in the home, in a folder without permissions', async () => {
    const fill = `dd if=/dev/zero of="$1/big" bs=1M count=${LIMIT_MIB + 16}`;
    const hiding = [
      'set -- /var/lib/devforge',
      'set -- ~',
      'mkdir /workspace/secret; set -- /workspace/secret; trap "chmod 000 /workspace/secret" EXIT',
    ];
    const all = await Promise.all(
      hiding.map(async (place) => {
        const container = ok(await server.api.create(small({ diskLimit: LIMIT_MIB }), { prefer: 'wait=60' }));
        const { exitCode } = await server.engine.exec(container.dockerId!, ['sh', '-c', `${place}; ${fill}`], {
          timeoutMs: 60_000,
        });
        expect(exitCode).toBe(0);
        return container;
      }),
    );
    for (const { id } of all) {
      const stopped = await server.api.waitForStatus(id, 'stopped', GUARD_MS);
      expect(stopped.statusReason).toMatchObject({ code: 'disk_limit_exceeded' });
      await expectRemovable(server, id);
    }
  }, 150_000);

  it('stops a container that exceeds its limit, with the reason', async () => {
    expect(greedy).toMatchObject({ diskLimit: LIMIT_MIB, diskLimitEnforced: 'soft' });
    const stopped = await server.api.waitForStatus(greedy.id, 'stopped', GUARD_MS);
    expect(stopped.statusReason).toMatchObject({
      code: 'disk_limit_exceeded',
      message: expect.stringContaining(`${LIMIT_MIB} MB`),
    });
    expect((await server.engine.inspect(greedy.dockerId!)).State.Running).toBe(false);
    await expectRemovable(server, greedy.id);
  }, 90_000);
});
