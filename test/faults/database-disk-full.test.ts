import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { chmod, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient, ok, problem } from '../support/api/client.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { runOrThrow } from '../support/git/run.js';
import { small } from '../support/faults/fault-server.js';

/** Enough for a new database, and little to fill. */
const DISK_MIB = 200;
/** Only root may mount a disk of that size. */
const describeAsRoot = process.getuid?.() === 0 ? describe : describe.skip;

describeAsRoot('a full disk under the database', () => {
  let disk: string;
  let server: TestServer;

  beforeAll(async () => {
    disk = await mkdtemp(join(tmpdir(), 'devforge-disk-'));
    await runOrThrow('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m,mode=711`, 'tmpfs', disk]);
    await chmod(disk, 0o711);
    server = await startTestServer({ DATA_DIR: join(disk, 'data') });
  }, 60_000);
  afterAll(async () => {
    await server?.dispose();
    await runOrThrow('umount', [disk]);
    await rm(disk, { recursive: true });
  }, 60_000);

  /** Takes all that is left. @returns a function that gives it back */
  const fill = async (): Promise<() => Promise<void>> => {
    const path = join(disk, 'filler');
    const filler = await open(path, 'w');
    for (const size of [1024 * 1024, 4_096]) {
      const piece = Buffer.alloc(size);
      await (async () => {
        for (;;) await filler.write(piece);
      })().catch(() => undefined);
    }
    await filler.close();
    return () => rm(path);
  };

  it('is a 507 and unhealthy, quotes nothing in the log, and is over when there is space again', async () => {
    const probe = new ApiClient(server.devforge.url, null);
    const release = await fill();
    try {
      const refused = await server.api.create({ ...small(), env: { K: 'canary-4711' } });
      expect(problem(refused)).toMatchObject({ status: 507, code: 'out_of_disk' });
      expect(await probe.request('GET', '/health')).toMatchObject({
        status: 503,
        body: { details: { database: { status: 'down', message: expect.stringContaining('no space left') } } },
      });
      expect((await probe.request('GET', '/health/live')).status).toBe(200);
    } finally {
      await release();
    }
    await until('health', async () => (await probe.request('GET', '/health')).status === 200, 30_000);
    expect(ok(await server.api.list()).items).toEqual([]);
    expect(server.devforge.log()).toContain('"code":"out_of_disk"');
    expect(server.devforge.log()).not.toContain('canary-4711');
  }, 60_000);
});
