import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer, Volume } from '../support/api/types.js';
import { createSshKey, type SshKey } from '../support/git/ssh-key.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { AUTONOMOUS } from '../support/e2e/new-container.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
/** What the engine grants a container that is stopped. */
const GRACE_MS = 10_000;
const NOBODY = '00000000-0000-4000-8000-000000000000';

describe('the lifecycle of a container', () => {
  let server: TestServer;
  let shared: Container;
  let locked: SshKey;

  const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
    name: uniqueName(),
    template: 'claude',
    ...extra,
  });
  const running = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const response = await server.api.create(wanted(extra), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    return response.body;
  };
  const inside = async ({ dockerId }: Container, script: string) => server.engine.exec(dockerId!, ['sh', '-c', script]);
  const traces = async (id: string) => {
    const { containers, volumes, networks } = await server.engine.labelled(id);
    return [
      ...containers.flatMap(({ Names }) => Names),
      ...volumes.map(({ Name }) => Name),
      ...networks.map(({ Name }) => Name),
    ];
  };

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'claude');
    shared = await running();
    // A container with this key fails, and at once.
    locked = await createSshKey(server.keysDir, { name: 'locked', passphrase: 'not known to DevForge' });
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  describe('create', () => {
    it('answers 202 with the location and the job of a new container, which then runs', async () => {
      const body = wanted({
        mode: 'autonomous',
        cpuLimit: 0.5,
        memoryLimit: 256,
        diskLimit: 1024,
        env: { FOO: 'bar' },
      });
      const { env, ...visible } = body;
      const response = await server.api.create(body);
      expect(response.status).toBe(202);
      const accepted = response.body;
      expect(response.headers.get('location')).toBe(`/api/containers/${accepted.id}`);
      expect(accepted).toEqual({
        ...visible,
        id: expect.stringMatching(UUID),
        projectId: expect.stringMatching(UUID),
        repoType: 'empty',
        repoUrl: null,
        repoBranch: null,
        diskLimitEnforced: expect.stringMatching(/^(?:hard|soft)$/),
        ...AUTONOMOUS,
        status: 'queued',
        statusReason: null,
        dockerId: null,
        image: null,
        editorUrl: null,
        editor: null,
        agent: { active: false, state: 'none', since: null, waitingFor: null, modelProblem: null },
        job: expect.objectContaining({
          id: expect.stringMatching(UUID),
          name: 'create',
          containerId: accepted.id,
          state: 'queued',
          progress: 0,
          error: null,
        }),
        createdAt: expect.stringMatching(ISO),
        updatedAt: expect.stringMatching(ISO),
        startedAt: null,
      });

      const ready = await server.api.waitForStatus(accepted.id, 'running');
      expect(ready).toMatchObject({
        statusReason: null,
        dockerId: expect.any(String),
        image: expect.stringMatching(/^devforge\/workspace-claude:[0-9a-f]+$/),
      });
      expect(ready.startedAt).toMatch(ISO);
      const job = ok(await server.api.job(accepted.job!.id));
      expect(job).toMatchObject({
        name: 'create',
        containerId: accepted.id,
        state: 'completed',
        progress: 100,
        attempts: 1,
        error: null,
      });
      expect((await inside(ready, 'echo "$FOO"')).stdout).toBe(`${env!['FOO']}\n`);
    });

    it('shows each status of a new container in order, and a job whose progress only grows', async () => {
      const { id, job } = ok(await server.api.create(wanted()));
      const statuses: string[] = [];
      const progress: number[] = [];
      await until(
        'it runs',
        async () => {
          const [container, { body }] = await Promise.all([server.api.get(id), server.api.job(job!.id)]);
          if (statuses.at(-1) !== container.body.status) statuses.push(container.body.status);
          progress.push(Number(body.progress));
          return container.body.status === 'running';
        },
        60_000,
      );
      const order = ['queued', 'creating', 'starting', 'running'];
      expect(statuses).toEqual(order.filter((status) => statuses.includes(status)));
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    });

    it('uses the documented defaults for a new container', async () => {
      expect(shared).toMatchObject({
        mode: 'interactive',
        repoType: 'empty',
        cpuLimit: 2,
        memoryLimit: 2048,
        diskLimit: 10240,
      });
    });

    it('answers 201 to a client that waits until the container runs, and 202 when the wait is too short', async () => {
      const patient = await server.api.create(wanted(), { prefer: 'respond-async, wait=60' });
      expect(patient.status).toBe(201);
      expect(patient.body.status).toBe('running');
      expect(patient.headers.get('preference-applied')).toBe('wait=60');
      expect(patient.headers.get('location')).toBe(`/api/containers/${patient.body.id}`);

      const hasty = await server.api.create(wanted(), { prefer: 'wait=0' });
      expect(hasty.status).toBe(202);
      expect(hasty.headers.get('preference-applied')).toBe('wait=0');
      expect((await server.api.create(wanted(), { prefer: 'return=minimal' })).headers.has('preference-applied')).toBe(
        false,
      );
    });

    it('answers 409 to a name that is in use, until its container is deleted', async () => {
      const taken = await server.api.create(wanted({ name: shared.name }));
      expect(taken.status).toBe(409);
      expect(problem(taken)).toMatchObject({ code: 'name_taken', errors: [{ field: 'name' }] });

      const name = uniqueName();
      const { id } = await running({ name });
      ok(await server.api.remove(id));
      expect((await running({ name })).id).not.toBe(id);
    });

    it('creates one container when ten clients ask for the same name at once', async () => {
      const name = uniqueName();
      const answers = await Promise.all(Array.from({ length: 10 }, () => server.api.create(wanted({ name }))));
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
        202,
        ...Array<number>(9).fill(409),
      ]);
    });

    it('returns the same container for the same Idempotency-Key and body, also to ten requests at once', async () => {
      const body = wanted({ env: { A: '1', B: '2' } });
      const key = { 'idempotency-key': uniqueName('key') };
      const answers = await Promise.all(Array.from({ length: 10 }, () => server.api.create(body, key)));
      expect(answers.map(({ status }) => status)).toEqual(Array<number>(10).fill(202));
      const ids = new Set(answers.map((answer) => answer.body.id));
      expect(ids.size).toBe(1);
      const [id] = [...ids] as [string];
      await server.api.waitForStatus(id, 'running');
      expect((await server.engine.labelled(id)).containers).toHaveLength(1);

      const reordered = { env: { B: '2', A: '1' }, template: body.template, name: body.name };
      expect(ok(await server.api.create(reordered, { ...key, prefer: 'wait=10' })).id).toBe(id);
      const other = await server.api.create({ ...body, memoryLimit: 512 }, key);
      expect(other.status).toBe(422);
      expect(problem(other).code).toBe('idempotency_key_reused');
    });
  });

  describe('read', () => {
    it('finds a container by its id and by its name', async () => {
      const byId = ok(await server.api.get(shared.id));
      expect(ok(await server.api.get(shared.name))).toEqual(byId);
      expect(byId).toMatchObject({ id: shared.id, name: shared.name, status: 'running' });
    });

    it('answers 404 for unknown containers and jobs', async () => {
      for (const reference of [NOBODY, uniqueName(), 'NO..SUCH', '%2e%2e']) {
        expect(problem(await server.api.get(reference))).toMatchObject({ status: 404, code: 'container_not_found' });
      }
      for (const call of [server.api.start(NOBODY), server.api.stop(NOBODY), server.api.remove(NOBODY)]) {
        expect(problem(await call)).toMatchObject({ status: 404, code: 'container_not_found' });
      }
      for (const id of [NOBODY, 'nothing'])
        expect(problem(await server.api.job(id))).toMatchObject({ status: 404, code: 'job_not_found' });
    });

    it('filters the list of containers by the query', async () => {
      const stopped = await running();
      ok(await server.api.stop(stopped.id));
      const names = async (query: Record<string, string>) =>
        ok(await server.api.list(query)).items.map(({ name }) => name);
      expect(await names({})).toEqual(expect.arrayContaining([shared.name, stopped.name]));
      expect(await names({ status: 'stopped' })).toEqual([stopped.name]);
      expect(await names({ status: 'running' })).not.toContain(stopped.name);
      expect(await names({ template: 'claude' })).toContain(shared.name);
      expect(await names({ template: 'vscode' })).toEqual([]);
      expect(await names({ template: 'claude', status: 'missing' })).toEqual([]);
    });

    it('returns every container once over all pages, newest first', async () => {
      const all = ok(await server.api.list()).items;
      const pages: Container[][] = [];
      let cursor: string | null | undefined;
      do {
        const page = ok(await server.api.list({ limit: 2, cursor: cursor ?? undefined }));
        pages.push(page.items);
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(pages.length).toBe(Math.ceil(all.length / 2));
      expect(pages.flat().map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      const times = all.map(({ createdAt }) => createdAt);
      expect(times).toEqual(times.toSorted().toReversed());
    });
  });

  describe('stop and start', () => {
    it('stops and starts a container without losing files, and ignores repeated calls', async () => {
      const container = await running();
      await inside(container, 'echo kept > /workspace/note && echo home > ~/note');
      const before = ok(await server.api.start(container.id));
      expect(before).toMatchObject({ status: 'running', updatedAt: ok(await server.api.get(container.id)).updatedAt });

      const stopped = await server.api.stop(container.id);
      expect(stopped.status).toBe(200);
      expect(stopped.body).toMatchObject({ status: 'stopped', statusReason: null });
      expect((await server.engine.inspect(container.dockerId!)).State.Running).toBe(false);
      expect(ok(await server.api.stop(container.id))).toEqual(stopped.body);

      const started = ok(await server.api.start(container.name));
      expect(started).toMatchObject({ status: 'running', dockerId: container.dockerId });
      expect(Date.parse(started.startedAt!)).toBeGreaterThan(Date.parse(container.startedAt!));
      expect((await inside(started, 'cat /workspace/note ~/note')).stdout).toBe('kept\nhome\n');
    });

    it('waits for programs that need a moment to save what they have, and for nothing else', async () => {
      const container = await running();
      const service = `
        trap 'sleep 1; echo saved > /workspace/$1.saved; exit' TERM
        : > /workspace/$1.ready
        while :; do sleep 0.05; done`;
      const names = ['background', 'suspended', 'terminal', 'shell'];
      const ready = names.map((name) => `/workspace/${name}.ready`).join(' ');
      const { exitCode } = await inside(
        container,
        `cat > /tmp/service <<'END'${service}\nEND
         for name in background suspended; do setsid sh /tmp/service $name > /dev/null 2>&1 & done
         tmux new-session -d 'exec sh /tmp/service terminal'
         tmux new-session -d -s shell && tmux send-keys -t shell 'sh /tmp/service shell' Enter
         timeout 20 sh -c 'until ls ${ready}; do sleep 0.1; done' > /dev/null 2>&1 && pkill -STOP -f '[s]ervice suspended'`,
      );
      expect(exitCode).toBe(0);
      ok(await server.api.stop(container.id));
      const started = ok(await server.api.start(container.id));
      const saved = await inside(started, 'cd /workspace; ls *.saved');
      expect(saved.stdout.split('\n').filter(Boolean)).toEqual(names.toSorted().map((name) => `${name}.saved`));

      // An interactive shell ignores SIGTERM.
      await inside(started, 'tmux new-session -d');
      const stoppedAt = Date.now();
      ok(await server.api.stop(container.id));
      expect(Date.now() - stoppedAt).toBeLessThan(GRACE_MS / 2);
    });

    it('keeps a container consistent when ten clients start and stop it at once', async () => {
      const container = await running();
      const calls = Array.from({ length: 10 }, (_, index) =>
        index % 2 === 0 ? server.api.stop(container.id) : server.api.start(container.id),
      );
      const codes = new Set((await Promise.all(calls)).map(({ status }) => status));
      expect([...codes].filter((code) => code !== 200 && code !== 409)).toEqual([]);
      const settled = ok(await server.api.get(container.id));
      const { State } = await server.engine.inspect(container.dockerId!);
      expect(settled.status).toBe(State.Running ? 'running' : 'stopped');
    });

    it('answers every start and stop that a deletion overtakes with 404 or 409', async () => {
      const rounds = await Promise.all(Array.from({ length: 6 }, () => running({ memoryLimit: 128 })));
      const answers = await Promise.all(
        rounds.map(async ({ id }, round) => {
          const calls = Array.from({ length: 6 }, (_, index) =>
            index % 2 === 0 ? server.api.stop(id) : server.api.start(id),
          );
          // At another moment of the start or stop in each round.
          await sleep(round * 40);
          const removed = await server.api.remove(id);
          return { removed: removed.status, codes: (await Promise.all(calls)).map(({ status }) => status) };
        }),
      );
      expect(answers.filter(({ removed }) => ![204, 409].includes(removed))).toEqual([]);
      expect(answers.flatMap(({ codes }) => codes).filter((code) => ![200, 404, 409].includes(code))).toEqual([]);
      for (const { id } of rounds)
        await until('it is gone', async () => (await server.api.get(id)).status === 404, 30_000);
    }, 60_000);

    it('answers 409 with the current status when a transition is not possible', async () => {
      const { id } = ok(await server.api.create(wanted({ sshKeyPath: locked.privateKeyPath })));
      const failed = await until('it fails', async () => {
        const { body } = await server.api.get(id);
        return body.status === 'failed' && body;
      });
      expect(failed.statusReason).toMatchObject({ code: 'ssh_key_not_usable' });
      const refused = await server.api.stop(id);
      expect(problem(refused)).toMatchObject({ status: 409, code: 'invalid_state', currentStatus: 'failed' });
      expect(ok(await server.api.get(id)).status).toBe('failed');
    });
  });

  describe('delete', () => {
    it('leaves no container, volume, sidecar or job after a delete', async () => {
      const container = await running({ sshKeyPath: server.key.privateKeyPath });
      const name = `devforge-${container.id}`;
      const volumes = ['egress', 'git-agent', 'home', 'state', 'workspace'].map((part) => `${name}-${part}`);
      const made = [`/${name}`, `/${name}-git-agent`, ...volumes];
      expect((await traces(container.id)).toSorted()).toEqual(made);
      expect(await server.api.remove(container.id)).toMatchObject({ status: 204, body: undefined });
      expect(await traces(container.id)).toEqual([]);
      expect((await server.api.get(container.id)).status).toBe(404);
      expect((await server.api.get(container.name)).status).toBe(404);
      expect((await server.api.job(container.job!.id)).status).toBe(404);
      expect((await server.api.remove(container.id)).status).toBe(404);
    });

    it('keeps only the workspace volume when a container is deleted with keepVolume', async () => {
      const container = await running();
      await inside(container, 'echo kept > /workspace/note');
      expect((await server.api.remove(container.id, { keepVolume: true })).status).toBe(204);
      expect(await traces(container.id)).toEqual([`devforge-${container.id}-workspace`]);
      await server.engine.docker.getVolume(`devforge-${container.id}-workspace`).remove();
    });

    it('deletes containers that are stopped, failed or still being created', async () => {
      const stopped = await running();
      ok(await server.api.stop(stopped.id));
      const failed = ok(await server.api.create(wanted({ sshKeyPath: locked.privateKeyPath })));
      await until('it fails', async () => (await server.api.get(failed.id)).body.status === 'failed');
      const early = await Promise.all(Array.from({ length: 4 }, async () => ok(await server.api.create(wanted()))));
      for (const { id } of [stopped, failed, ...early]) {
        expect((await server.api.remove(id)).status).toBe(204);
        expect((await server.api.get(id)).status).toBe(404);
      }
      for (const { id } of [stopped, failed, ...early])
        await until('nothing is left', async () => (await traces(id)).length === 0, 30_000);
    });
  });

  describe('change', () => {
    const change = (id: string, body: object) =>
      server.api.request<Container>('PATCH', `/api/containers/${id}`, { body });
    const rebuild = (id: string, headers = {}) =>
      server.api.request<Container>('POST', `/api/containers/${id}/rebuild`, { headers });

    it('changes limits at once, and the rest at a rebuild, which keeps all files', async () => {
      const container = await running({ memoryLimit: 512, env: { FOO: 'before' } });
      await inside(
        container,
        'echo kept | tee /workspace/note /var/lib/devforge/note ~/note; echo "# mine" >> ~/.bashrc',
      );
      await inside(container, 'mkdir -p ~/.local/bin; echo "#!/bin/sh" > ~/.local/bin/tool; rm ~/.tmux.conf');

      const name = uniqueName();
      const changed = await change(container.id, { name, memoryLimit: 256, cpuLimit: 0.5, env: { FOO: 'after' } });
      expect(ok(changed)).toMatchObject({
        name,
        memoryLimit: 256,
        cpuLimit: 0.5,
        status: 'running',
        dockerId: container.dockerId,
        pendingChanges: ['name', 'env'],
      });
      const { HostConfig } = await server.engine.inspect(container.dockerId!);
      expect(HostConfig).toMatchObject({ Memory: 256 << 20, MemorySwap: 256 << 20, NanoCpus: 5e8 });
      expect((await inside(container, 'echo $FOO')).stdout).toBe('before\n');

      const rebuilt = await rebuild(name, { prefer: 'wait=60' });
      expect(rebuilt.status).toBe(200);
      expect(rebuilt.body).toMatchObject({ id: container.id, status: 'running', pendingChanges: [] });
      expect(rebuilt.body.dockerId).not.toBe(container.dockerId);
      expect(rebuilt.body.job).toMatchObject({ name: 'create', state: 'completed', progress: 100 });
      const files = '/workspace/note /var/lib/devforge/note ~/note';
      const seen = await inside(
        rebuilt.body,
        `cat ${files}; tail -1 ~/.bashrc; echo $FOO; hostname; ls ~/.local/bin ~/.tmux.conf`,
      );
      expect(seen.stdout).toBe(`kept\nkept\nkept\n# mine\nafter\n${name}\n/home/dev/.local/bin:\ntool\n`);
      expect(seen.stderr).toContain('.tmux.conf');
      expect(await traces(container.id)).toHaveLength(5);
    });

    it('keeps the home directory when the container is removed at the engine', async () => {
      const container = await running();
      await inside(container, 'echo home > ~/note');
      await server.engine.docker.getContainer(container.dockerId!).remove({ force: true });
      await server.api.waitForStatus(container.id, 'missing');
      const started = ok(await server.api.start(container.id));
      expect((await inside(started, 'cat ~/note')).stdout).toBe('home\n');
    });

    it('refuses changes that are not possible, and changes nothing then', async () => {
      const before = ok(await server.api.get(shared.id));
      const taken = await running();
      const name = await change(shared.id, { name: taken.name, memoryLimit: 1_024 });
      expect(problem(name)).toMatchObject({ status: 409, code: 'name_taken' });
      const branch = await change(shared.id, { repoBranch: 'main' });
      expect(problem(branch)).toMatchObject({ status: 409, code: 'invalid_state' });
      const large = await change(shared.id, { memoryLimit: 1_048_576 });
      expect(problem(large)).toMatchObject({ status: 400, errors: [{ field: 'memoryLimit' }] });
      const unknown = await change(shared.id, { template: 'both' });
      expect(problem(unknown)).toMatchObject({ status: 400, errors: [{ field: 'template' }] });
      expect(problem(await change(NOBODY, {}))).toMatchObject({ status: 404 });
      expect(ok(await server.api.get(shared.id))).toEqual(before);
      expect((await server.engine.inspect(shared.dockerId!)).HostConfig.Memory).toBe(2_048 * 1_024 * 1_024);
    });
  });

  describe('kept volumes', () => {
    const volumes = async () => ok(await server.api.request<{ items: Volume[] }>('GET', '/api/volumes')).items;
    const discard = (reference: string) => server.api.request('DELETE', `/api/volumes/${reference}`);

    it('are listed, attached to one container at a time, and deleted', async () => {
      const first = await running();
      await inside(first, 'echo kept > /workspace/note; echo gone > ~/note');
      ok(await server.api.remove(first.id, { keepVolume: true }));
      const name = `devforge-${first.id}-workspace`;
      const { id, projectId, template } = first;
      const listed = { id, projectId, template, name, containerName: first.name, attachedTo: null };
      expect(await volumes()).toContainEqual({ ...listed, keptAt: expect.stringMatching(ISO) });

      const second = await running({ volume: name });
      expect(second.volume).toBe(first.id);
      expect((await inside(second, 'cat /workspace/note; ls ~/note')).stdout).toBe('kept\n');
      expect(await volumes()).toContainEqual(expect.objectContaining({ id: first.id, attachedTo: second.id }));
      const third = await server.api.create(wanted({ volume: first.id }));
      expect(problem(third)).toMatchObject({ status: 409, code: 'volume_in_use' });
      expect(problem(await discard(first.id))).toMatchObject({ status: 409, code: 'volume_in_use' });

      ok(await server.api.remove(second.id, { keepVolume: true }));
      expect(await volumes()).toContainEqual(expect.objectContaining(listed));
      expect((await discard(name)).status).toBe(204);
      expect(await traces(first.id)).toEqual([]);
      expect((await volumes()).map(({ id }) => id)).not.toContain(first.id);
      for (const reference of [name, NOBODY, 'nothing'])
        expect(problem(await discard(reference))).toMatchObject({ status: 404, code: 'volume_not_found' });
      const missing = await server.api.create(wanted({ volume: first.id }));
      expect(problem(missing)).toMatchObject({ status: 404, code: 'volume_not_found' });
    });

    it('are deleted with the container that has them', async () => {
      const first = await running();
      ok(await server.api.remove(first.id, { keepVolume: true }));
      const second = await running({ volume: first.id });
      ok(await server.api.remove(second.id));
      expect([...(await traces(first.id)), ...(await traces(second.id))]).toEqual([]);
    });
  });

  it('runs and lists 30 containers that are created at once', async () => {
    const bodies = Array.from({ length: 30 }, () => wanted({ memoryLimit: 128 }));
    const accepted = await Promise.all(bodies.map(async (body) => ok(await server.api.create(body))));
    await Promise.all(accepted.map(({ id }) => server.api.waitForStatus(id, 'running', 180_000)));
    const listed = ok(await server.api.list({ status: 'running', limit: 500 })).items.map(({ id }) => id);
    expect(listed).toEqual(expect.arrayContaining(accepted.map(({ id }) => id)));
    const states = await Promise.all(
      accepted.map(async ({ id }) => (await server.engine.labelled(id)).containers.map(({ State }) => State)),
    );
    expect(states).toEqual(accepted.map(() => ['running']));
    const removed = await Promise.all(accepted.map(({ id }) => server.api.remove(id)));
    expect(new Set(removed.map(({ status }) => status))).toEqual(new Set([204]));
  }, 240_000);
});
