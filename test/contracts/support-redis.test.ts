import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ping, type RedisServer, startRedis } from '../support/redis/redis-server.js';

describe('the test Redis', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  it('answers PING over TCP', async () => {
    expect(redis.url).toBe(`redis://127.0.0.1:${redis.port}`);
    await expect(ping(redis.port)).resolves.toBe(true);
  });

  it('does not answer while paused, and goes on afterwards', async () => {
    redis.pause();
    await expect(ping(redis.port, 200)).resolves.toBe(false);
    redis.resume();
    await expect(ping(redis.port)).resolves.toBe(true);
  });

  it('comes back on the same port after it was killed', async () => {
    await redis.kill();
    await expect(ping(redis.port)).resolves.toBe(false);
    await redis.restart();
    await expect(ping(redis.port)).resolves.toBe(true);
  });

  it('ends although it is paused', async () => {
    const other = await startRedis();
    other.pause();
    await other.stop();
    await expect(ping(other.port)).resolves.toBe(false);
  });
});
