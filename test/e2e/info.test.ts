import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { ApiClient, ok } from '../support/api/client.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';

const MIB = 1024 * 1024;

interface Info {
  version: string;
  engine: { kind: string; name: string | null; version: string | null };
  capabilities: Record<string, boolean>;
  limits: Record<string, number | { min: number; max: number }>;
}

describe('GET /api/info', () => {
  let proxy: EngineProxy;
  let server: TestServer;
  const ask = async (): Promise<Info> => ok(await server.api.request<Info>('GET', '/api/info'));

  beforeAll(async () => {
    proxy = await EngineProxy.start();
    server = await startTestServer(proxy.env);
  }, 60_000);
  afterEach(() => proxy.set('pass'));
  afterAll(async () => {
    await server?.dispose();
    await proxy?.close();
  }, 60_000);

  it('needs the token', async () => {
    const { status } = await new ApiClient(server.devforge.url, null).request('GET', '/api/info');
    expect(status).toBe(401);
  });

  it('shows version, engine, capabilities and limits', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
    const engine = await server.engine.docker.version();
    const machine = (await server.engine.docker.info()) as { NCPU: number; MemTotal: number };
    expect(await ask()).toEqual({
      version,
      engine: { kind: 'docker', name: 'Docker', version: engine.Version },
      capabilities: {
        pause: true,
        snapshot: true,
        hardDiskLimit: false,
        fence: true,
        resourceLimits: true,
        customImages: true,
      },
      limits: {
        cpuLimit: { min: 0.1, max: Math.max(machine.NCPU, 2) },
        memoryLimit: { min: 128, max: Math.max(Math.floor(machine.MemTotal / MIB), 2_048) },
        diskLimit: { min: 256, max: 16_777_216 },
        jsonBodyBytes: 1_048_576,
        promptBytes: 200_000,
        stopAfterMinutes: 129_600,
        instructionTimeoutSeconds: 604_800,
        execTimeoutSeconds: 3_600,
        execOutputBytes: 8_388_608,
        logTail: 10_000,
        terminalInputCharacters: 1_048_576,
        terminalsPerContainer: 20,
      },
    });
  });

  it('gives limits that creating a container obeys', async () => {
    const { limits } = await ask();
    for (const name of ['cpuLimit', 'memoryLimit', 'diskLimit']) {
      const { min, max } = limits[name] as { min: number; max: number };
      for (const value of [min / 2, max + 1]) {
        const { status, body } = await server.api.request<{ errors: { field: string }[] }>('POST', '/api/containers', {
          body: { name: 'out-of-bounds', template: 'claude', [name]: value },
        });
        expect([status, body.errors.map(({ field }) => field)]).toEqual([400, [name]]);
      }
    }
  });

  it.each(['refuse', 'hang', 'fail'] as const)(
    'answers within two seconds, without a version, while the engine does not (%s)',
    async (mode) => {
      await proxy.set(mode);
      const end = Date.now() + 30_000;
      for (let info = await ask(); info.engine.version !== null; info = await ask())
        if (Date.now() > end) throw new Error('the version of an engine that is away is still shown');
      // A busy machine may delay one of them; an answer that waits for the engine is never fast.
      const durations: number[] = [];
      while (durations.length < 3) {
        const from = Date.now();
        expect((await ask()).engine).toEqual({ kind: 'docker', name: null, version: null });
        durations.push(Date.now() - from);
      }
      expect(Math.min(...durations)).toBeLessThan(2_000);
    },
    60_000,
  );
});
