import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ContainerSampler } from '../../src/metrics/sampling/container-sampler.js';
import { EngineUsageSource } from '../../src/drivers/docker/usage/engine-usage-source.js';
import type { UsageSource } from '../../src/drivers/workspace-usage.js';
import type { Settings } from '../../src/config/settings.js';
import type { MetricsDto } from '../../src/usage/metrics.dto.js';
import type { ContainerRow } from '../../src/persistence/containers/containers.repository.js';
import { DockerEngineClient } from '../../src/drivers/docker/engine/docker-engine-client.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { small } from '../support/faults/fault-server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const RESUME_MS = 10_000;
const OUTAGE_MS = 3_000;
/** Time in which a stalled statistics stream is noticed: five idle seconds, and as long for a new stream. */
const DETECTION_MS = 20_000;

describe('metrics during an outage of the engine', () => {
  let engine: EngineProxy;
  let server: TestServer;
  let container: Container;

  beforeAll(async () => {
    engine = await EngineProxy.start();
    server = await startTestServer(engine.env);
    await ensureImages(server, 'claude');
    const response = await server.api.create(small(), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    container = response.body;
  }, IMAGE_BUILD_MS);
  afterEach(() => engine?.set('pass'));
  afterAll(async () => {
    await engine?.set('pass');
    await server?.dispose();
    await engine?.close();
  }, 60_000);

  const subscribe = async (): Promise<{ client: SocketClient; updates: () => number }> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    await expect(client.ask('subscribe:metrics', { containerId: container.id, interval: 500 })).resolves.toEqual({
      ok: true,
    });
    const updates = (): number => client.all('metrics:update').length;
    await until('updates', () => updates() >= 2);
    return { client, updates };
  };

  it.each(['refuse', 'hang', 'fail'] as const)(
    "continue from the kernel's files (%s)",
    async (mode) => {
      const { client, updates } = await subscribe();
      await engine.set(mode);
      const before = updates();
      // Two each second.
      await until('updates during the outage', () => updates() >= before + 8, 10_000);
      await engine.set('pass');
      await until('updates after the outage', () => updates() >= before + 12, 5_000);
      expect(client.all('metrics:error')).toEqual([]);
      client.close();
    },
    30_000,
  );

  it('resume within ten seconds after a restart of the engine and its containers', async () => {
    const { client, updates } = await subscribe();
    await engine.set('refuse');
    await server.engine.docker.getContainer(container.dockerId!).kill();
    await until('metrics:error', () => client.all('metrics:error').length > 0);
    // The outage itself.
    await sleep(OUTAGE_MS);
    const before = updates();
    await engine.set('pass');
    await until('updates again', () => updates() > before, RESUME_MS);
    expect(client.socket.connected).toBe(true);
    expect(ok(await server.api.get(container.id)).status).toBe('running');
    client.close();
  }, 40_000);

  describe('from the statistics stream of the engine', () => {
    const usage = async ({ runtimeId }: WorkspaceRef): Promise<UsageSource> =>
      new EngineUsageSource(
        new DockerEngineClient({ docker: { kind: 'socket', socketPath: engine.socketPath } } as Settings),
        runtimeId,
      );

    it.each(['refuse', 'hang', 'fail'] as const)(
      'report a failure, and resume within ten seconds after the outage (%s)',
      async (mode) => {
        await server.api.waitForStatus(container.id, ['running']);
        const failures: unknown[] = [];
        const samples: MetricsDto[] = [];
        const row = { ...container, runtimeId: container.dockerId, agent: null } as unknown as ContainerRow;
        const sampler = new ContainerSampler(
          row,
          { usage },
          () => undefined,
          () => null,
          { onSample: () => undefined, onFailure: (error) => failures.push(error) },
        );
        sampler.subscribe({ intervalMs: 1_000, onMetrics: (metrics) => samples.push(metrics) });
        sampler.start();
        try {
          await until('samples', () => samples.length >= 2);
          await engine.set(mode);
          await until('a failure', () => failures.length > 0, DETECTION_MS);
          const { length } = samples;
          await engine.set('pass');
          await until('samples again', () => samples.length > length, RESUME_MS);
          for (const { cpu, network } of samples) {
            for (const rate of [cpu.percent, network.rxBytesPerSecond, network.txBytesPerSecond])
              expect(rate).toBeGreaterThanOrEqual(0);
            expect(cpu.percent).toBeLessThan(200);
          }
        } finally {
          sampler.close();
        }
      },
      40_000,
    );
  });
});
