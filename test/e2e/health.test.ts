import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok, problem } from '../support/api/client.js';
import { postmasterOf } from '../support/faults/postmaster.js';
import { type RedisServer, startRedis } from '../support/redis/redis-server.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

const run = promisify(execFile);

type State = 'up' | 'down' | 'degraded';
interface Health {
  status: 'ok' | 'error';
  details: Record<string, { status: State; message?: string }>;
}

describe('health', () => {
  let proxy: EngineProxy;
  let redis: RedisServer;
  let server: TestServer;
  let probe: ApiClient;

  const ask = async (path: string) => {
    const { status, body } = await probe.request<Health>('GET', path, { timeoutMs: 10_000 });
    const details = Object.fromEntries(Object.entries(body.details ?? {}).map(([key, detail]) => [key, detail.status]));
    return { status, details };
  };
  const answers = (path: string, status: number, details: Record<string, State>) =>
    until(
      `${path} answers ${status} ${JSON.stringify(details)}`,
      async () => {
        const answer = await ask(path);
        return (
          answer.status === status &&
          JSON.stringify(Object.entries(answer.details).toSorted()) ===
            JSON.stringify(Object.entries(details).toSorted())
        );
      },
      20_000,
    );

  beforeAll(async () => {
    [proxy, redis] = await Promise.all([EngineProxy.start(), startRedis()]);
    server = await startTestServer({ ...proxy.env, REDIS_URL: redis.url });
    probe = new ApiClient(server.devforge.url, null);
  }, 60_000);
  afterEach(async () => {
    redis.resume();
    await proxy.set('pass');
  });
  afterAll(async () => {
    await server?.dispose();
    await Promise.all([proxy?.close(), redis?.stop()]);
  }, 60_000);

  it.each([
    ['curl', 'curl', (url: string) => ['-sS', '--http2', '-o', '/dev/null', '-w', '%{http_code}\\n', url]],
    ['the JDK', 'java', (url: string) => [resolve('test/support/e2e/OfferHttp2.java'), url, `${url}/nowhere`]],
  ])(
    'is told to %s, whose client offers HTTP/2',
    async (name, program, args) => {
      const { stdout } = await run(program, args(`${server.devforge.url}/health/live`), { timeout: 30_000 });
      expect(stdout.trim().split('\n')).toEqual(name === 'curl' ? ['200'] : ['200', '404']);
    },
    40_000,
  );

  it('is up when all services are available', async () => {
    expect(await ask('/health')).toEqual({
      status: 200,
      details: { docker: 'up', database: 'up', queue: 'up', modelApi: 'up' },
    });
    expect((await probe.request('GET', '/health')).body).toMatchObject({ status: 'ok' });
    expect(await ask('/health/live')).toMatchObject({ status: 200 });
    expect(await ask('/health/ready')).toEqual({
      status: 200,
      details: { process: 'up', docker: 'up', database: 'up', queue: 'up' },
    });
  });

  it.each(['refuse', 'hang', 'fail'] as const)(
    'names the engine during an outage (%s), and stays ready',
    async (mode) => {
      await proxy.set(mode);
      await answers('/health', 503, { docker: 'down', database: 'up', queue: 'up', modelApi: 'up' });
      await answers('/health/ready', 200, { process: 'up', docker: 'degraded', database: 'up', queue: 'up' });
      expect(await ask('/health/live')).toMatchObject({ status: 200 });
      await proxy.set('pass');
      await answers('/health', 200, { docker: 'up', database: 'up', queue: 'up', modelApi: 'up' });
    },
    60_000,
  );

  it('names the queue when Redis is frozen, and stays ready', async () => {
    redis.pause();
    await answers('/health', 503, { docker: 'up', database: 'up', queue: 'down', modelApi: 'up' });
    const durations: number[] = [];
    while (durations.length < 3) {
      const askedAt = Date.now();
      await answers('/health/ready', 200, { process: 'up', docker: 'up', database: 'up', queue: 'degraded' });
      durations.push(Date.now() - askedAt);
    }
    // A Kubernetes probe times out after one second by default; a busy machine may delay one answer.
    expect(Math.min(...durations)).toBeLessThan(1_000);
    expect(await ask('/health/live')).toMatchObject({ status: 200 });
    redis.resume();
    await answers('/health', 200, { docker: 'up', database: 'up', queue: 'up', modelApi: 'up' });
  }, 60_000);

  it('names the queue when Redis is down, and recovers with it', async () => {
    await redis.kill();
    await answers('/health', 503, { docker: 'up', database: 'up', queue: 'down', modelApi: 'up' });
    await answers('/health/ready', 200, { process: 'up', docker: 'up', database: 'up', queue: 'degraded' });
    await redis.restart();
    await answers('/health', 200, { docker: 'up', database: 'up', queue: 'up', modelApi: 'up' });
  }, 60_000);

  it('names all services that are unavailable at the same time', async () => {
    await proxy.set('refuse');
    redis.pause();
    await answers('/health', 503, { docker: 'down', database: 'up', queue: 'down', modelApi: 'up' });
    await answers('/health/ready', 200, { process: 'up', docker: 'degraded', database: 'up', queue: 'degraded' });
  }, 60_000);

  it('is live but not ready without the database, and recovers by itself', async () => {
    const postmaster = postmasterOf(server.devforge);
    const killDatabase = await freezeDatabase(server);
    try {
      await answers('/health', 503, { docker: 'up', database: 'down', queue: 'up', modelApi: 'up' });
      expect(await ask('/health/ready')).toMatchObject({ status: 503, details: { database: 'down' } });
      expect(await ask('/health/live')).toMatchObject({ status: 200 });
      const asked = await server.api.list();
      expect(problem(asked)).toMatchObject({ status: 503, code: 'database_unavailable' });
      expect(Number(asked.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      killDatabase();
    }
    await answers('/health/ready', 200, { process: 'up', docker: 'up', database: 'up', queue: 'up' });
    expect(postmasterOf(server.devforge)).not.toBe(postmaster);
    expect(ok(await server.api.list()).items).toEqual([]);
  }, 90_000);

  it('is not ready once shutdown has begun', async () => {
    const seen: (number | 'refused')[] = [];
    const ended = new AbortController();
    const stopped = server.devforge.kill('SIGTERM').then(() => ended.abort());
    while (!ended.signal.aborted) {
      seen.push(
        await ask('/health/ready').then(
          ({ status }) => status,
          () => 'refused' as const,
        ),
      );
      await sleep(5);
    }
    await stopped;
    // The process raises the signal again when everything is closed.
    expect(await server.devforge.exited).toEqual({ code: null, signal: 'SIGTERM' });
    const first = seen.findIndex((answer) => answer !== 200);
    expect(seen.slice(first)).not.toContain(200);
    await server.devforge.restart();
    expect(await ask('/health/ready')).toMatchObject({ status: 200 });
  }, 60_000);

  describe('at shutdown', () => {
    afterEach(async () => {
      // Must come before the restart; the outer hook runs too late for it.
      redis.resume();
      await proxy.set('pass');
      await server.devforge.restart();
    }, 60_000);

    /** Milliseconds that the process takes to end by itself after SIGTERM. */
    const shutdownDuration = async () => {
      const startedAt = Date.now();
      const late = new AbortController();
      const killer = sleep(25_000, undefined, { signal: late.signal }).then(
        () => server.devforge.kill(),
        () => undefined,
      );
      await server.devforge.kill('SIGTERM');
      late.abort();
      await killer;
      expect(await server.devforge.exited).not.toMatchObject({ signal: 'SIGKILL' });
      return Date.now() - startedAt;
    };

    it('ends in time with Redis frozen', async () => {
      redis.pause();
      expect(await shutdownDuration()).toBeLessThan(10_000);
    }, 90_000);

    it('ends in time with Redis down', async () => {
      await redis.kill();
      const took = await shutdownDuration();
      await redis.restart();
      expect(took).toBeLessThan(10_000);
    }, 90_000);

    it('ends in time with an engine that hangs', async () => {
      await proxy.set('hang');
      expect(await shutdownDuration()).toBeLessThan(10_000);
    }, 90_000);

    it('ends in time with the database frozen', async () => {
      const killDatabase = await freezeDatabase(server);
      try {
        expect(await shutdownDuration()).toBeLessThan(10_000);
      } finally {
        killDatabase();
      }
    }, 90_000);
  });
});

describe('the health of a starting server', () => {
  it('is ready within seconds on an existing database', async () => {
    const server = await startTestServer();
    try {
      await server.devforge.stop();
      const startedAt = Date.now();
      await server.devforge.restart();
      // Wider than the limit of the benchmark, because other tests may run at the same time.
      expect(Date.now() - startedAt).toBeLessThan(15_000);
      expect((await new ApiClient(server.devforge.url, null).request('GET', '/health')).status).toBe(200);
    } finally {
      await server.dispose();
    }
  }, 90_000);
});

/**
 * Stops the postmaster and its children, which answer on open connections without it. The postmaster first: it could
 * fork another child between the look for children and their stop.
 *
 * @returns a function that kills them all
 */
async function freezeDatabase({ devforge }: TestServer): Promise<() => void> {
  const postmaster = postmasterOf(devforge);
  process.kill(postmaster, 'SIGSTOP');
  const frozen = [postmaster];
  const signal = (pid: number, name: NodeJS.Signals): void => {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  };
  for (const child of await childrenOf(postmaster)) {
    signal(child, 'SIGSTOP');
    frozen.push(child);
  }
  return () => frozen.forEach((pid) => signal(pid, 'SIGKILL'));
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  // The second field may contain any character; the parent is the second field after it.
  return pids
    .filter((_, index) => Number(stats[index]!.slice(stats[index]!.lastIndexOf(')') + 2).split(' ')[1]) === parent)
    .map(Number);
}
