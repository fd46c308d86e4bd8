import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import { withoutAgent } from '../support/api/without-agent.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { cloning, small } from '../support/faults/fault-server.js';
import type { When } from '../support/engine-proxy/hold.js';
import { creates, followsEvents } from '../support/engine-proxy/matchers.js';
import { expectRemovable, expectRepository, expectComplete } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const MIB = 1024 * 1024;
const COMMITS = 4;
/** Longer than the interval of the reconciler, whose rounds do nothing visible while the engine is unavailable. */
const ROUND_MS = 16_000;
/** Shorter than that, so that only an event can be the cause. */
const BY_EVENT_MS = 8_000;

type Lost = 'refuse' | 'fail';
const CREATES: [mode: Lost, when: When][] = [
  ['refuse', 'before'],
  ['refuse', 'after'],
  ['fail', 'before'],
];
const MODES: Lost[] = ['refuse', 'fail'];
/** The length of a hang, in which the job must not fail. */
const HANG_MS = 4_000;

describe('a loss of the engine', () => {
  let engine: EngineProxy;
  let server: TestServer;
  let git: GitServers;

  beforeAll(async () => {
    engine = await EngineProxy.start();
    server = await startTestServer(engine.env);
    await ensureImages(server, 'claude');
    git = await gitFixture(server);
    await git.createRepository('big', { randomMiB: 4, commits: COMMITS - 1 });
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    engine.reset();
    git.reset();
    await engine.set('pass');
  });
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
    await engine?.close();
  }, 60_000);

  const running = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const response = await server.api.create(small(extra), { prefer: 'wait=60' });
    expect(response.status).toBe(201);
    return response.body;
  };
  /** Container and job report that they wait for the engine. */
  const untilWaiting = (id: string): Promise<Container> =>
    until('the job waits for the engine', async () => {
      const { body } = await server.api.get(id);
      const codes = [body.statusReason?.code, (body.job?.error as { code: string } | null)?.code];
      return codes.every((code) => code === 'engine_unavailable') && body;
    });
  /** Waits for two more attempts of the job. */
  const untilRetried = async (id: string): Promise<void> => {
    const { job } = await untilWaiting(id);
    await until('two more attempts', async () => (await server.api.get(id)).body.job!.attempts! > job!.attempts! + 1);
    await untilWaiting(id);
  };
  const restoreEngine = async (): Promise<void> => {
    await engine.set('pass');
    engine.reset();
  };

  const duringCreate = async (
    when: When,
    lose: () => Promise<void>,
    then: 'drop' | 'release' = 'drop',
  ): Promise<string> => {
    const hold = engine.hold(creates('workspace'), when);
    const { id } = ok(await server.api.create(small()));
    await hold.reached();
    await lose();
    hold[then]();
    return id;
  };
  const duringClone = async (lose: () => Promise<void>): Promise<string> => {
    git.throttle(MIB / 2);
    const { id } = ok(await server.api.create(cloning(git, 'big')));
    await until(
      'the transfer of the repository',
      async () => {
        const { body } = await server.api.get(id);
        return body.status === 'cloning' && Number(body.job?.progress) > 60;
      },
      60_000,
    );
    await lose();
    git.reset();
    return id;
  };

  it.each(CREATES)(
    'during create (%s, %s the engine created the container) makes the job wait and then complete',
    async (mode, when) => {
      const id = await duringCreate(when, () => engine.set(mode));
      expect(await untilWaiting(id)).toMatchObject({
        status: 'creating',
        job: { name: 'create', step: 'container', state: 'queued' },
      });
      await untilRetried(id);
      await restoreEngine();
      await expectComplete(server, id);
      await expectRemovable(server, id);
    },
    90_000,
  );

  it('during create (hang) makes the job wait and then complete', async () => {
    const id = await duringCreate('after', () => engine.set('hang'), 'release');
    await sleep(HANG_MS);
    expect(ok(await server.api.get(id))).toMatchObject({
      status: 'creating',
      job: { name: 'create', step: 'container', state: 'active' },
    });
    await restoreEngine();
    await expectComplete(server, id);
    await expectRemovable(server, id);
  }, 90_000);

  it.each(MODES)(
    'during the transfer of a repository (%s) makes the job wait and then complete',
    async (mode) => {
      const id = await duringClone(() => engine.set(mode));
      expect(await untilWaiting(id)).toMatchObject({
        status: 'cloning',
        job: { name: 'create', step: 'clone', state: 'queued' },
      });
      await untilRetried(id);
      await restoreEngine();
      await expectRepository(server, await expectComplete(server, id), COMMITS);
      await expectRemovable(server, id);
    },
    90_000,
  );

  it('during the transfer of a repository (hang) makes the job wait and then complete', async () => {
    const id = await duringClone(() => engine.set('hang'));
    await sleep(HANG_MS);
    expect(ok(await server.api.get(id))).toMatchObject({
      status: 'cloning',
      job: { name: 'create', step: 'clone', state: 'active' },
    });
    await restoreEngine();
    await expectRepository(server, await expectComplete(server, id), COMMITS);
    await expectRemovable(server, id);
  }, 90_000);

  it('changes no row and refuses new work until the engine answers again', async () => {
    const kept = await running();
    const stopped = await running();
    ok(await server.api.stop(stopped.id));
    const hold = engine.hold(creates('workspace'), 'before');
    const waiting = ok(await server.api.create(small()));
    await hold.reached();
    const before = await Promise.all([kept, stopped].map(async ({ id }) => withoutAgent(ok(await server.api.get(id)))));
    await engine.set('fail');
    hold.drop();
    const refused = await server.api.create(small());
    expect(problem(refused)).toMatchObject({ status: 503, code: 'engine_unavailable' });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    await sleep(ROUND_MS);
    await untilWaiting(waiting.id);
    expect(
      ok(await server.api.list())
        .items.map(({ id }) => id)
        .toSorted(),
    ).toEqual([kept.id, stopped.id, waiting.id].toSorted());
    expect(
      await Promise.all([kept, stopped].map(async ({ id }) => withoutAgent(ok(await server.api.get(id))))),
    ).toEqual(before);
    await restoreEngine();
    await expectComplete(server, waiting.id);
    expect(
      await Promise.all([kept, stopped].map(async ({ id }) => withoutAgent(ok(await server.api.get(id))))),
    ).toEqual(before);
    for (const { id } of [kept, stopped, waiting]) await expectRemovable(server, id);
  }, 120_000);

  it('that cuts the event stream is followed by a new stream', async () => {
    const container = await running();
    const streams = () => engine.requests.filter(followsEvents).length;
    const before = await until('the event stream', () => engine.cut(followsEvents) === 1 && streams());
    await until('a new event stream', () => streams() > before);
    // It reconciles all rows once on the new stream; a change after that comes from the stream alone.
    await sleep(1_000);
    await server.engine.docker.getContainer(container.dockerId!).kill();
    const stopped = await server.api.waitForStatus(container.id, 'stopped', BY_EVENT_MS);
    expect(stopped.statusReason).toMatchObject({ code: 'exited' });
    await expectRemovable(server, container.id);
  }, 90_000);
});
