import { describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { freePort } from '../support/api/free-port.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';
import { wanted } from '../support/e2e/provisioned.js';
import { startTestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

describe('a Redis that is unavailable when DevForge starts', () => {
  it('does not prevent the start, and accepted containers are provisioned when it becomes available', async () => {
    const port = await freePort();
    const server = await startTestServer({ REDIS_URL: `redis://127.0.0.1:${port}` });
    let redis: RedisServer | undefined;
    try {
      expect((await server.api.request('GET', '/health')).status).toBe(503);
      expect((await server.api.request('GET', '/health/ready')).status).toBe(200);
      const { id } = ok(await server.api.create(wanted()));
      expect(ok(await server.api.get(id)).status).toBe('queued');
      redis = await startRedis(port);
      await server.api.waitForStatus(id, 'running', 100_000);
      await until('the health check to pass', async () => (await server.api.request('GET', '/health')).status === 200);
    } finally {
      await server.dispose();
      await redis?.stop();
    }
  }, 180_000);
});
