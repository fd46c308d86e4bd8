import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ApiResponse, ok, problem } from '../support/api/client.js';
import { type DevForgeProcess, startDevForge } from '../support/api/devforge-process.js';
import type { Container, ContainerStatus, CreateContainer } from '../support/api/types.js';
import { withoutAgent } from '../support/api/without-agent.js';
import { type EngineMode, EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { TrackingClient } from '../support/e2e/tracking-client.js';
import { until } from '../support/e2e/until.js';

/** "A few seconds", on a machine that is busy with other tests. */
const SOON_MS = 5_000;

describe('consistency with the engine', () => {
  let proxy: EngineProxy;
  let server: TestServer;
  const others: DevForgeProcess[] = [];

  const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
    name: uniqueName(),
    template: 'claude',
    memoryLimit: 256,
    ...extra,
  });
  /** The page of all containers, as far as the database keeps it. */
  const everything = async (): Promise<object> => {
    const page = ok(await server.api.list({ limit: 500 }));
    return { ...page, items: page.items.map(withoutAgent) };
  };
  const running = async (extra: Partial<CreateContainer> = {}, api = server.api): Promise<Container> => {
    const response = await api.create(wanted(extra), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    return response.body;
  };
  const object = ({ dockerId }: Container) => server.engine.docker.getContainer(dockerId!);
  const inside = ({ dockerId }: Container, script: string) => server.engine.exec(dockerId!, ['sh', '-c', script]);
  const becomes = ({ id }: Container, status: ContainerStatus, timeoutMs = SOON_MS): Promise<Container> =>
    until(
      `it is ${status}`,
      async () => {
        const container = ok(await server.api.get(id));
        return container.status === status && container;
      },
      timeoutMs,
    );

  beforeAll(async () => {
    proxy = await EngineProxy.start();
    server = await startTestServer(proxy.env);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => proxy.set('pass'));
  afterAll(async () => {
    await server?.dispose();
    // After it: this ends the database that they shared.
    for (const other of others) await other.dispose();
    await proxy?.close();
  }, 60_000);

  describe('after changes made outside DevForge', () => {
    it('shows a container as missing after docker rm -f, and recreates it with its files on start', async () => {
      const container = await running({ sshKeyPath: server.key.privateKeyPath });
      await inside(container, 'echo kept > /workspace/note && echo state > /var/lib/devforge/note');
      await object(container).remove({ force: true });
      const missing = await becomes(container, 'missing');
      expect(missing.statusReason).toMatchObject({ code: 'vanished' });
      expect(problem(await server.api.stop(container.id))).toMatchObject({ status: 409, currentStatus: 'missing' });

      const started = ok(await server.api.start(container.id));
      expect(started).toMatchObject({ id: container.id, status: 'running', statusReason: null });
      expect(started.dockerId).not.toBe(container.dockerId);
      expect((await inside(started, 'cat /workspace/note /var/lib/devforge/note; ssh-add -l')).stdout).toMatch(
        /^kept\nstate\n256 SHA256:/,
      );
    });

    it('deletes a container that is missing at the engine', async () => {
      const container = await running();
      await object(container).remove({ force: true });
      await becomes(container, 'missing');
      expect((await server.api.remove(container.id)).status).toBe(204);
      await expect(server.engine.labelled(container.id)).resolves.toEqual({
        containers: [],
        volumes: [],
        networks: [],
      });
    });

    it('shows stopped with a reason after docker stop, and running after docker start', async () => {
      const container = await running();
      await object(container).stop();
      expect((await becomes(container, 'stopped')).statusReason).toMatchObject({ code: 'exited' });
      await object(container).start();
      expect((await becomes(container, 'running')).statusReason).toBeNull();
      await object(container).kill();
      expect((await becomes(container, 'stopped')).statusReason).toMatchObject({
        code: 'exited',
        message: expect.stringContaining('137'),
      });
      expect(ok(await server.api.start(container.id))).toMatchObject({
        status: 'running',
        statusReason: null,
        dockerId: container.dockerId,
      });
    });

    it('reports oom_killed only when the container ended because of it', async () => {
      const container = await running({ memoryLimit: 128 });
      const eat = `python3 -c "x = b'x' * (400 << 20)"`;
      expect((await inside(container, eat)).exitCode).toBe(137);
      expect(ok(await server.api.get(container.id)).status).toBe('running');
      await object(container).stop();
      expect((await becomes(container, 'stopped')).statusReason).toMatchObject({ code: 'exited' });

      ok(await server.api.start(container.id));
      // The kernel ends what has the highest score: here the process that holds the container open, since no eater is big.
      const main = 'pgrep -f "^/bin/sh /usr/local/bin/devforge-workspace"';
      const eaters =
        'import os, time\nfor _ in range(12):\n  if os.fork() == 0:\n    x = b"x" * (16 << 20)\n    time.sleep(60)\ntime.sleep(60)';
      await inside(container, `echo 1000 > /proc/$(${main})/oom_score_adj && exec python3 -c '${eaters}'`).catch(
        () => undefined,
      );
      expect((await becomes(container, 'stopped')).statusReason).toMatchObject({ code: 'oom_killed' });
      expect(ok(await server.api.start(container.id)).status).toBe('running');
    });

    it('leaves objects at the engine alone that it did not create', async () => {
      const { docker } = server.engine;
      const { image } = await running();
      const foreign = [randomUUID(), 'not-even-an-id'];
      const made = await Promise.all(
        foreign.map(async (id) => {
          const labels = { 'devforge.id': id, 'devforge.managed': 'true', 'devforge.role': 'workspace' };
          const volume = `devforge-${id}-workspace`;
          await docker.createVolume({ Name: volume, Labels: labels });
          const container = await docker.createContainer({
            name: `devforge-${id}`,
            Image: image!,
            Labels: labels,
            HostConfig: { Binds: [`${volume}:/workspace`] },
          });
          await container.start();
          return { container, volume: docker.getVolume(volume) };
        }),
      );
      try {
        // The engine comes back: everything is compared, and what was left behind is swept.
        await proxy.set('refuse');
        await until('it is away', async () => (await server.api.create(wanted())).status === 503);
        await proxy.set('pass');
        const before = proxy.requests.length;
        await until(
          'it has swept',
          () => proxy.requests.slice(before).some(({ url }) => url.startsWith('/volumes?')),
          20_000,
        );
        await until('it works again', async () => (await server.api.create(wanted())).status === 202);
        for (const { container, volume } of made) {
          expect((await container.inspect()).State.Running).toBe(true);
          await volume.inspect();
        }
        const ids = ok(await server.api.list({ limit: 500 })).items.map(({ id }) => id);
        expect(ids.filter((id) => foreign.includes(id))).toEqual([]);
      } finally {
        for (const { container, volume } of made) {
          await container.remove({ force: true });
          await volume.remove();
        }
      }
    });
  });

  describe('objects without or with the label', () => {
    it('stops, finds and deletes a container that was renamed', async () => {
      const container = await running({ sshKeyPath: server.key.privateKeyPath });
      await object(container).rename({ name: `renamed-${container.id}` });
      const agent = server.engine.docker.getContainer(`devforge-${container.id}-git-agent`);
      await agent.rename({ name: `renamed-${container.id}-agent` });
      expect(ok(await server.api.stop(container.id)).status).toBe('stopped');
      expect(ok(await server.api.start(container.id))).toMatchObject({
        status: 'running',
        dockerId: container.dockerId,
      });
      expect((await inside(container, 'ssh-add -l')).stdout).toMatch(/^256 SHA256:/);
      expect((await server.api.remove(container.id)).status).toBe(204);
      expect(await server.engine.labelled(container.id)).toEqual({ containers: [], volumes: [], networks: [] });
    });

    it('fails instead of using a foreign object, and never removes one', async () => {
      const { docker } = server.engine;
      const container = await running();
      const names = [`devforge-${container.id}`, `devforge-${container.id}-git-agent`];
      const volumes = [`devforge-${container.id}-home`];
      await object(container).remove({ force: true });
      await becomes(container, 'missing');
      for (const name of volumes) await docker.getVolume(name).remove();
      for (const Name of volumes) await docker.createVolume({ Name });
      ok(await server.api.start(container.id));
      const failed = await becomes(container, 'failed', 30_000);
      expect(failed.statusReason).toEqual({ code: 'foreign_object', message: expect.stringContaining(volumes[0]!) });
      expect(failed.job).toMatchObject({ attempts: 1 });

      for (const name of names) await docker.createContainer({ name, Image: container.image!, Cmd: ['true'] });
      try {
        expect((await server.api.remove(container.id)).status).toBe(204);
        for (const name of names) expect((await docker.getContainer(name).inspect()).Name).toBe(`/${name}`);
        for (const name of volumes) expect((await docker.getVolume(name).inspect()).Name).toBe(name);
        expect(await server.engine.labelled(container.id)).toEqual({ containers: [], volumes: [], networks: [] });
      } finally {
        for (const name of names) await docker.getContainer(name).remove({ force: true });
        for (const name of volumes) await docker.getVolume(name).remove();
      }
    }, 60_000);
  });

  describe('while the engine is unavailable', () => {
    const away = async (response: Promise<ApiResponse<unknown>>) => {
      const answer = await response;
      expect(problem(answer)).toMatchObject({ status: 503, code: 'engine_unavailable' });
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    };

    it.each<EngineMode>(['refuse', 'hang'])(
      'answers reads, refuses writes and changes no row while the engine would %s',
      async (mode) => {
        const [up, down] = await Promise.all([running(), running()]);
        ok(await server.api.stop(down.id));
        const before = await everything();
        await proxy.set(mode);
        const name = uniqueName();
        await Promise.all([
          away(server.api.create(wanted({ name }))),
          away(server.api.start(down.id)),
          away(server.api.stop(up.id)),
          away(server.api.remove(up.id)),
          away(server.api.remove(down.id, { keepVolume: true })),
        ]);
        // Long enough for its own comparisons to notice that nothing answers.
        const durations: number[] = [];
        for (const end = Date.now() + 4_000; Date.now() < end; await sleep(250)) {
          const startedAt = Date.now();
          expect(await everything()).toEqual(before);
          durations.push(Date.now() - startedAt);
        }
        // A busy machine delays some of them; a read that waits for the engine is never fast.
        expect(Math.min(...durations)).toBeLessThan(1_000);
        expect((await server.api.get(name)).status).toBe(404);
        expect(ok(await server.api.job(up.job!.id)).state).toBe('completed');

        await proxy.set('pass');
        await until('writes work again', async () => (await server.api.stop(up.id)).status === 200);
        expect(ok(await server.api.start(down.id)).status).toBe('running');
        expect(ok(await server.api.get(up.id)).status).toBe('stopped');
        expect((await running()).status).toBe('running');
      },
      60_000,
    );

    it.each<EngineMode>(['fail', 'half'])(
      'marks no container as missing while lists and answers of the engine %s',
      async (mode) => {
        const containers = await Promise.all([running(), running(), running()]);
        const ids = containers.map(({ id }) => id);
        const statuses = async () =>
          ok(await server.api.list({ limit: 500 }))
            .items.filter(({ id }) => ids.includes(id))
            .map(({ status }) => status);
        await proxy.set(mode);
        const before = proxy.requests.length;
        // An event is missed or not; the slow comparison comes for certain.
        await until(
          'it has compared',
          () =>
            proxy.requests
              .slice(before)
              .some(({ url }) => (mode === 'fail' ? url.startsWith('/_ping') : url.startsWith('/containers/json'))),
          25_000,
        );
        // Time for a comparison that is wrong to change a row.
        await sleep(1_000);
        expect(await statuses()).toEqual(['running', 'running', 'running']);
        const refused = mode === 'fail' ? [await server.api.create(wanted()), await server.api.stop(ids[0]!)] : [];
        for (const answer of refused) expect([502, 503]).toContain(problem(answer).status);
        await proxy.set('pass');
        await until('writes work again', async () => (await server.api.stop(ids[0]!)).status === 200);
        expect(await statuses()).toContain('running');
        for (const { dockerId } of containers.slice(1))
          expect((await server.engine.inspect(dockerId!)).State.Running).toBe(true);
      },
      60_000,
    );

    it('completes interrupted jobs and notices changes after an outage of the engine', async () => {
      const [vanished, ended] = await Promise.all([running(), running()]);
      const accepted = ok(await server.api.create(wanted()));
      await proxy.set('refuse');
      await object(vanished).remove({ force: true });
      await object(ended).kill();
      await until('it knows', async () => (await server.api.create(wanted())).status === 503);
      expect(ok(await server.api.get(vanished.id)).status).toBe('running');
      await proxy.set('pass');
      await becomes(accepted, 'running', 30_000);
      await becomes(vanished, 'missing', 15_000);
      // It was to run and went down with the engine, as far as DevForge can tell: it runs again.
      await becomes(ended, 'running', 15_000);
      expect((await server.engine.labelled(accepted.id)).containers).toHaveLength(1);
    }, 60_000);
  });

  describe('when DevForge stops', () => {
    it('keeps its data over a restart without touching running containers', async () => {
      const [up, down] = await Promise.all([running({ env: { FOO: 'bar' } }), running()]);
      ok(await server.api.stop(down.id));
      const listed = await everything();
      const state = (await server.engine.inspect(up.dockerId!)).State;
      await server.devforge.restart();
      expect(await everything()).toEqual(listed);
      expect((await server.engine.inspect(up.dockerId!)).State).toEqual(state);
      expect(ok(await server.api.job(up.job!.id)).state).toBe('completed');
      expect(ok(await server.api.start(down.id)).status).toBe('running');
    }, 60_000);

    it('reconciles at startup what changed while it was stopped', async () => {
      const [vanished, ended, kept] = await Promise.all([running(), running(), running()]);
      await server.devforge.kill();
      await object(vanished).remove({ force: true });
      await object(ended).kill();
      await server.devforge.restart();
      await becomes(vanished, 'missing', 15_000);
      await becomes(ended, 'running', 15_000);
      expect(ok(await server.api.get(kept.id))).toMatchObject({ status: 'running', dockerId: kept.dockerId });
    }, 60_000);

    it('serves from two processes, and from one after the other is killed', async () => {
      const other = await startDevForge({
        ...server.env,
        DATA_DIR: server.devforge.dataDir,
        DEVFORGE_TOKEN: server.devforge.token,
      });
      others.push(other);
      const both = [server.api, new TrackingClient(other.url, other.token)] as const;
      try {
        const name = uniqueName();
        const racing = await Promise.all(
          Array.from({ length: 8 }, (_, index) => both[index % 2]!.create(wanted({ name }))),
        );
        expect(racing.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
          202,
          ...Array<number>(7).fill(409),
        ]);
        const accepted = await Promise.all(
          Array.from({ length: 8 }, async (_, index) => ok(await both[index % 2]!.create(wanted()))),
        );
        const all = [...accepted, racing.find(({ status }) => status === 202)!.body];
        await both[0].waitForStatus(all[0]!.id, ['starting', 'running']);
        await other.kill();
        for (const { id } of all) await server.api.waitForStatus(id, 'running', 60_000);
        for (const { id } of all)
          expect((await server.engine.labelled(id)).containers.map(({ State }) => State)).toEqual(['running']);
        for (const { id } of all) expect((await server.api.remove(id)).status).toBe(204);
        for (const { id } of all)
          await expect(server.engine.labelled(id)).resolves.toEqual({ containers: [], volumes: [], networks: [] });
      } finally {
        await other.kill();
        both[1].accepted.forEach((id) => server.api.accepted.add(id));
      }
    }, 120_000);
  });

  it('reveals no secret in answers or in its log', async () => {
    const secret = `s3cr3t-${randomUUID()}`;
    const name = uniqueName();
    const body = wanted({ name, env: { ANTHROPIC_API_KEY: secret, MY_TOKEN: secret } });
    const key = { 'idempotency-key': `key-${randomUUID()}` };
    const answers: unknown[] = [await server.api.create(body, { ...key, prefer: 'wait=60' })];
    answers.push(
      await server.api.create({ ...body, memoryLimit: 512 }, key),
      await server.api.create(body),
      await server.api.create({ ...body, name: '-' }),
    );
    const { id, dockerId, job } = ok(await server.api.get(name));
    expect((await server.engine.exec(dockerId!, ['sh', '-c', 'echo $MY_TOKEN'])).stdout.trim()).toBe(secret);
    answers.push(
      await server.api.get(id),
      await server.api.list({ limit: 500 }),
      await server.api.job(job!.id),
      await server.api.stop(id),
      await server.api.start(id),
    );
    await proxy.set('refuse');
    answers.push(await server.api.create({ ...body, name: uniqueName() }));
    const shown = JSON.stringify(answers);
    expect(shown).toContain(name);
    for (const hidden of [secret, server.devforge.token, server.keysDir]) {
      expect(shown).not.toContain(hidden);
      expect(server.devforge.log()).not.toContain(hidden);
    }
    expect(server.devforge.log()).toContain('request completed');
  });
});
