import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { type InstructionsServer, startInstructionsServer } from '../support/instructions/instructions-server.js';
import { say } from '../support/messages-api/replies.js';

const SMALL = { template: 'claude', cpuLimit: 1, memoryLimit: 512 } as const;
const SECRET = 'sk-in-the-environment';
const SWEEP_MS = 60_000;

interface Snapshot {
  id: string;
  containerId: string;
  containerName: string;
  bytes: number;
  pausedMs: number;
}

describe('snapshots and copies of containers', () => {
  let server: InstructionsServer;
  let origin: Container;

  const create = async (changes: Partial<CreateContainer> = {}): Promise<Container> =>
    ok(await server.api.create({ ...SMALL, name: uniqueName('snap'), ...changes }, { prefer: 'wait=60' }));
  const inside = async ({ id }: Pick<Container, 'id'>, script: string): Promise<string> => {
    const body = { command: ['bash', '-c', script] };
    const result = ok(
      await server.api.request<{ exitCode: number; stdout: string; stderr: string }>(
        'POST',
        `/api/containers/${id}/exec`,
        { body },
      ),
    );
    expect([result.exitCode, result.stderr]).toEqual([0, '']);
    return result.stdout;
  };
  const save = async ({ id }: Container): Promise<Snapshot> =>
    ok(await server.api.request<Snapshot>('POST', `/api/containers/${id}/snapshots`));
  const list = async (path: string): Promise<Snapshot[]> =>
    ok(await server.api.request<{ items: Snapshot[] }>('GET', path)).items;
  const fork = (body: object) =>
    server.api.request<{ items: Container[] }>('POST', `/api/containers/${origin.id}/fork`, { body });
  const running = (id: string): Promise<Container> => server.api.waitForStatus(id, 'running');
  /** Names of the volumes of snapshots that other servers have at the engine. */
  let others: string[] = [];
  /** Those of this one. */
  const volumes = async (): Promise<string[]> => {
    const { Volumes } = await server.engine.docker.listVolumes({ filters: { label: ['devforge.snapshot'] } });
    return Volumes.map(({ Name }) => Name).filter((name) => !others.includes(name));
  };

  beforeAll(async () => {
    server = await startInstructionsServer();
    others = await volumes();
    const { container, model } = await server.workspace({ mode: 'interactive', env: { SECRET }, memoryLimit: 512 });
    origin = container;
    model.replyNext(say('One.'));
    const { id } = await server.instructions.create(origin.id, 'Begin.');
    await server.instructions.waitForEnd(id);
    await inside(
      origin,
      'cd /workspace && git init -q && git config user.email a@example.org && git config user.name A && echo one > file && git add file && git commit -qm one && echo two > file && echo home > ~/kept && echo system > /var/tmp/kept',
    );
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    const left = await volumes();
    await server.dispose();
    for (const name of left) await server.engine.docker.getVolume(name).remove({ force: true });
  }, 60_000);

  it('are saved while the container works, listed, and begun with, and outlive their container', async () => {
    const source = await create();
    await inside(source, 'echo one > /workspace/file');
    await inside(source, 'nohup sh -c "while :; do date +%s%N > /workspace/ticks; done" > /dev/null 2>&1 &');
    const [snapshot] = await Promise.all([save(source), inside(source, 'sleep 0.3; echo done')]);
    expect(snapshot).toMatchObject({
      containerId: source.id,
      containerName: source.name,
      template: 'claude',
      repoType: 'empty',
      bytes: expect.any(Number),
      pausedMs: expect.any(Number),
    });
    expect(snapshot.bytes).toBeGreaterThan(0);
    expect(snapshot.pausedMs).toBeGreaterThan(0);
    const before = await inside(source, 'cat /workspace/ticks');
    await until('it goes on', async () => (await inside(source, 'cat /workspace/ticks')) !== before);
    await expect(list(`/api/containers/${source.id}/snapshots`)).resolves.toEqual([snapshot]);
    ok(await server.api.remove(source.id));
    await expect(list('/api/snapshots')).resolves.toEqual([snapshot]);

    const made = await create({ fromSnapshot: snapshot.id });
    expect(made).toMatchObject({ fromSnapshot: snapshot.id, forkedFrom: null, provisioning: 'cold' });
    expect(await inside(made, 'cat /workspace/file')).toBe('one\n');
    await inside(made, 'echo changed > /workspace/file');
    ok(await server.api.stop(made.id));
    ok(await server.api.start(made.id));
    expect(await inside(made, 'cat /workspace/file')).toBe('changed\n');
    const rebuilt = await server.api.request('POST', `/api/containers/${made.id}/rebuild`, {
      headers: { prefer: 'wait=60' },
    });
    ok(rebuilt);
    expect(await inside(made, 'cat /workspace/file')).toBe('changed\n');

    const refusals: [Partial<CreateContainer>, string][] = [
      [{ fromSnapshot: snapshot.id, template: 'vscode' }, 'validation_failed'],
      [{ fromSnapshot: snapshot.id, repoType: 'clone', repoUrl: 'https://example.org/a.git' }, 'validation_failed'],
      [{ fromSnapshot: made.id }, 'snapshot_not_found'],
    ];
    for (const [changes, code] of refusals) {
      const refused = await server.api.create({ ...SMALL, name: uniqueName('snap'), ...changes });
      expect(problem(refused).code).toBe(code);
    }
    expect((await server.api.request('DELETE', `/api/snapshots/${snapshot.id}`)).status).toBe(204);
    expect(problem(await server.api.request('DELETE', `/api/snapshots/${snapshot.id}`)).code).toBe(
      'snapshot_not_found',
    );
    expect(await list('/api/snapshots')).toEqual([]);
    expect((await volumes()).filter((name) => name.includes(snapshot.id))).toEqual([]);
    expect(await inside(made, 'cat /workspace/file')).toBe('changed\n');
    ok(await server.api.remove(made.id));
  }, 180_000);

  it('are counted in the quota of the project by their size', async () => {
    const projects = '/api/projects/default';
    const quota = async (quotas: object): Promise<void> =>
      void ok(await server.api.request('PATCH', projects, { body: { quotas } }));
    const used = async (): Promise<number> => {
      const usage = ok(await server.api.request<{ snapshotMB: { used: number } }>('GET', `${projects}/usage`));
      return usage.snapshotMB.used;
    };
    await inside(origin, 'head -c 5000000 /dev/urandom > /workspace/large');
    try {
      await quota({ snapshotMB: 3 });
      const refused = await server.api.request('POST', `/api/containers/${origin.id}/snapshots`);
      expect(problem(refused)).toMatchObject({ code: 'quota_exceeded', quota: 'snapshotMB', limit: 3 });
      expect(await list('/api/snapshots')).toEqual([]);
      expect(await used()).toBe(0);
      await quota({});
      const { id } = await save(origin);
      expect(await used()).toBeGreaterThanOrEqual(5);
      ok(await server.api.request('DELETE', `/api/snapshots/${id}`));
      expect(await used()).toBe(0);
    } finally {
      await quota({});
      await inside(origin, 'rm /workspace/large');
    }
  }, 60_000);

  it('make copies with a branch each, that go on with the conversation and know nothing of one another', async () => {
    // They have its environment, and with it its model.
    const model = server.model.model(origin.name);
    model.replyNext(say('Two.'), say('Two.'));
    const answer = await fork({ count: 2, instruction: { prompt: 'Go on.', continue: true } });
    expect(answer.status).toBe(202);
    const copies = await Promise.all(ok(answer).items.map(({ id }) => running(id)));
    expect(copies).toHaveLength(2);
    for (const copy of copies) {
      expect(copy).toMatchObject({ forkedFrom: origin.id, fromSnapshot: null, memoryLimit: origin.memoryLimit });
      const shown = await inside(
        copy,
        'cd /workspace; git branch --show-current; cat file ~/kept /var/tmp/kept; git status -s',
      );
      expect(shown).toBe(`fork/${copy.name}\ntwo\nhome\nsystem\n M file\n`);
      expect(await inside(copy, 'echo "$SECRET"')).toBe(`${SECRET}\n`);
      await inside(copy, `echo ${copy.name} > /workspace/file`);
    }
    for (const copy of copies) expect(await inside(copy, 'cat /workspace/file')).toBe(`${copy.name}\n`);
    expect(
      await inside(origin, 'cat /workspace/file; cd /workspace; git branch --show-current | grep -c fork || true'),
    ).toBe('two\n0\n');
    // Each was given the instruction, in the session of the origin.
    for (const { id } of copies) {
      const path = `/api/containers/${id}/instructions`;
      const { items } = ok(await server.api.request<{ items: { id: string }[] }>('GET', path));
      expect(items).toHaveLength(1);
      await expect(server.instructions.waitForEnd(items[0]!.id)).resolves.toMatchObject({ status: 'succeeded' });
    }
    expect(JSON.stringify(model.turns.at(-1))).toContain('Begin.');
    const images = await server.engine.docker.listImages();
    for (const { Id } of images) {
      const { Config } = await server.engine.docker.getImage(Id).inspect();
      expect(JSON.stringify(Config)).not.toContain(SECRET);
    }
    await until('the snapshot of the copies is removed', async () => (await volumes()).length === 0, SWEEP_MS);
    await Promise.all(copies.map(({ id }) => server.api.remove(id)));
  }, 180_000);

  it('leave nothing behind, and the container running, when the server is killed meanwhile', async () => {
    await inside(origin, 'cd /workspace && for i in $(seq 3000); do echo $i > f$i; done');
    for (const delayMs of [400, 900]) {
      const forking = fork({ count: 1 }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      await server.devforge.kill();
      await forking;
      await server.devforge.restart();
      await until('the container answers', async () => (await inside(origin, 'echo yes')) === 'yes\n', SWEEP_MS);
    }
    await until('no snapshot is left', async () => (await volumes()).length === 0, 2 * SWEEP_MS);
    const { items } = ok(await server.api.list({ limit: 100 }));
    for (const { id } of items.filter(({ forkedFrom }) => forkedFrom === origin.id)) {
      await running(id);
      expect(await inside({ id }, 'cat /workspace/f3000')).toBe('3000\n');
    }
  }, 240_000);
});
