import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { parseExposition } from '../support/prometheus/parse.js';

/** The host name of workspaces that were created ahead. */
const AHEAD = 'devforge';
const POOL = 'claude=3,claude/restricted=1';
const REFILL_MS = 60_000;

describe('the warm pool', () => {
  let server: TestServer;
  /** Those of other servers. */
  let others: string[];

  const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
    name: uniqueName('warm'),
    template: 'claude',
    ...extra,
  });
  const create = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const made = ok(await server.api.create(wanted(extra), { prefer: 'wait=60' }));
    expect(made.status).toBe('running');
    return made;
  };
  const inside = async ({ id }: Pick<Container, 'id'>, script: string): Promise<string> => {
    const body = { command: ['sh', '-c', script] };
    return ok(await server.api.request<{ stdout: string }>('POST', `/api/containers/${id}/exec`, { body })).stdout;
  };
  const inspect = ({ dockerId }: Container) => server.engine.docker.getContainer(dockerId!).inspect();
  const countOf = async (labels: Record<string, string>): Promise<number> => {
    const metrics = parseExposition(ok(await server.api.request<string>('GET', '/metrics')));
    return metrics.find('devforge_warm_pool_workspaces', labels).reduce((sum, { value }) => sum + value, 0);
  };
  const ready = (fenced: boolean, count: number) =>
    until(
      `${count} are ready`,
      async () => (await countOf({ state: 'ready', fenced: String(fenced) })) === count,
      REFILL_MS,
    );
  /** Ids of all workspaces at the engine that were created ahead, claimed ones included. */
  const createdAhead = async (): Promise<string[]> => {
    const filters = { label: ['devforge.role=workspace'] };
    const listed = await server.engine.docker.listContainers({ all: true, filters });
    const inspected = await Promise.all(
      listed.map(({ Id }) =>
        server.engine.docker
          .getContainer(Id)
          .inspect()
          .catch(() => undefined),
      ),
    );
    return inspected.flatMap((one) => (one?.Config.Hostname === AHEAD ? [one.Config.Labels['devforge.id']!] : []));
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    others = await createdAhead();
    await server.devforge.restart({ WARM_POOL: POOL });
    await ready(false, 3);
    await ready(true, 1);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server.devforge.restart({ WARM_POOL: '' });
    await until('the pool is empty', async () => (await countOf({})) === 0, REFILL_MS);
    await server.dispose();
  }, 120_000);

  it('gives a container a workspace that runs, with its environment and limits, and creates it anew at its next start', async () => {
    const env = { GREETING: 'hello "world"', CLAUDE_CONFIG_DIR: '/home/dev/other' };
    const made = await create({ env, memoryLimit: 512, cpuLimit: 1 });
    expect(made).toMatchObject({ provisioning: 'warm', job: { state: 'completed', attempts: 1 } });
    const before = await inspect(made);
    expect(before.Config).toMatchObject({ Hostname: AHEAD, Labels: { 'devforge.id': made.id } });
    expect(before.HostConfig).toMatchObject({ Memory: 512 * 1024 * 1024, NanoCpus: 1e9 });
    const script = 'echo "$GREETING $CLAUDE_CONFIG_DIR $DEVFORGE_CONTAINER_ID"; ls -A /workspace';
    expect(await inside(made, script)).toBe(`hello "world" /home/dev/other ${made.id}\n`);
    await inside(made, 'echo kept > /workspace/file; echo kept > ~/file');

    ok(await server.api.stop(made.id));
    const again = ok(await server.api.start(made.id));
    expect(again).toMatchObject({ status: 'running', provisioning: 'warm', pendingChanges: [] });
    expect(again.dockerId).not.toBe(made.dockerId);
    const after = await inspect(again);
    expect(after.Config).toMatchObject({
      Hostname: made.name,
      Env: expect.arrayContaining([`GREETING=${env.GREETING}`]),
    });
    expect(after.HostConfig).toMatchObject({ Memory: 512 * 1024 * 1024, NanoCpus: 1e9 });
    expect(await inside(again, 'echo "$GREETING"; cat /workspace/file ~/file')).toBe('hello "world"\nkept\nkept\n');
  }, 120_000);

  it('gives a fenced container one without a network, and its rules', async () => {
    const made = await create({ mode: 'autonomous', egressAllow: [{ host: 'allowed.example', ports: [443] }] });
    expect(made).toMatchObject({ provisioning: 'warm', egress: 'restricted' });
    expect(await inside(made, 'ls /sys/class/net')).toBe('lo\n');
    const status = (host: string) =>
      inside(made, `curl -s -o /dev/null -w '%{http_connect}' -m 10 https://${host}/ || true`);
    expect(await status('other.example')).toBe('403');
    // It is allowed, and does not exist.
    expect(await status('allowed.example')).not.toBe('403');
  });

  it.each<[string, Partial<CreateContainer>]>([
    ['of another template', { template: 'vscode' }],
    ['with a committer of its own', { gitName: 'Ada' }],
  ])('gives none to a container %s', async (_, extra) => {
    await ensureImages(server, extra.template ?? 'claude');
    expect(await create(extra)).toMatchObject({ provisioning: 'cold' });
  });

  it('gives each workspace to one of the clients that ask at a time, and is refilled', async () => {
    await ready(false, 3);
    const made = await Promise.all(Array.from({ length: 6 }, () => create({ memoryLimit: 256 })));
    const warm = made.filter(({ provisioning }) => provisioning === 'warm');
    expect(warm.length).toBeGreaterThanOrEqual(3);
    expect(new Set(made.map(({ dockerId }) => dockerId)).size).toBe(6);
    const marks = await Promise.all(
      made.map((one) => inside(one, `ls -A /workspace; echo ${one.id} > /workspace/mark`)),
    );
    expect(marks.join('')).toBe('');
    for (const one of made) expect(await inside(one, 'cat /workspace/mark')).toBe(`${one.id}\n`);
    await Promise.all(made.map(({ id }) => server.api.remove(id)));
    await ready(false, 3);
  }, 180_000);

  it('keeps what the requests do not get: of a name that is taken, and of a quota', async () => {
    const before = await countOf({ state: 'ready', fenced: 'false' });
    const name = uniqueName('warm');
    await create({ name });
    expect((await server.api.create(wanted({ name }))).status).toBe(409);
    await until('one was used', async () => (await countOf({ state: 'claimed' })) === 0, REFILL_MS);
    expect(await countOf({ state: 'ending' })).toBe(0);
    expect(await countOf({ state: 'ready', fenced: 'false' })).toBeGreaterThanOrEqual(before - 1);
  });

  it('leaves nothing behind when the server is killed while it creates workspaces', async () => {
    for (let round = 0; round < 2; round++) {
      await Promise.all([create({ memoryLimit: 256 }), create({ memoryLimit: 256 })]);
      await until('some are being made', async () => (await countOf({ state: 'making' })) > 0, REFILL_MS);
      await server.devforge.kill();
      await server.devforge.restart();
    }
    await server.devforge.restart({ WARM_POOL: '' });
    await until('the pool is empty', async () => (await countOf({})) === 0, REFILL_MS);
    const containers = ok(await server.api.list({ limit: 500 })).items.map(({ id }) => id);
    expect((await createdAhead()).filter((id) => !containers.includes(id) && !others.includes(id))).toEqual([]);
  }, 240_000);
});
