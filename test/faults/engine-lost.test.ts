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
import { expectRemovable, expectRepository, expectWhole } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const MIB = 1024 * 1024;
const COMMITS = 4;
/** Longer than the slow timer of the reconciler. */
const ROUND_MS = 16_000;
/** Shorter than that, so that only an event can tell. */
const BY_EVENT_MS = 8_000;

type Lost = 'refuse' | 'fail';
const CREATES: [mode: Lost, when: When][] = [
  ['refuse', 'before'],
  ['refuse', 'after'],
  ['fail', 'before'],
];
const MODES: Lost[] = ['refuse', 'fail'];
const HANG_MS = 4_000;

describe('the engine goes away', () => {
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
  /** Container and job say that they wait for the engine. */
  const waits = (id: string): Promise<Container> =>
    until('the job waits for the engine', async () => {
      const { body } = await server.api.get(id);
      const codes = [body.statusReason?.code, (body.job?.error as { code: string } | null)?.code];
      return codes.every((code) => code === 'engine_unavailable') && body;
    });
  /** Through several tries of the job. */
  const waitsOn = async (id: string): Promise<void> => {
    const { job } = await waits(id);
    await until('it is tried again', async () => (await server.api.get(id)).body.job!.attempts! > job!.attempts! + 1);
    await waits(id);
  };
  const answersAgain = async (): Promise<void> => {
    await engine.set('pass');
    engine.reset();
  };

  const inTheMiddleOfACreate = async (
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
  const inTheMiddleOfAClone = async (lose: () => Promise<void>): Promise<string> => {
    git.throttle(MIB / 2);
    const { id } = ok(await server.api.create(cloning(git, 'big')));
    await until(
      'the repository comes in',
      async () => {
        const { body } = await server.api.get(id);
        return body.status === 'cloning' && Number(body.job?.progress) > 20;
      },
      60_000,
    );
    await lose();
    git.reset();
    return id;
  };

  it.each(CREATES)(
    'create: it begins to %s %s it has made the container; the job waits and completes',
    async (mode, when) => {
      const id = await inTheMiddleOfACreate(when, () => engine.set(mode));
      expect(await waits(id)).toMatchObject({
        status: 'creating',
        job: { name: 'create', step: 'container', state: 'queued' },
      });
      await waitsOn(id);
      await answersAgain();
      await expectWhole(server, id);
      await expectRemovable(server, id);
    },
    90_000,
  );

  it('create: it begins to hang; the job waits and completes', async () => {
    const id = await inTheMiddleOfACreate('after', () => engine.set('hang'), 'release');
    await sleep(HANG_MS);
    expect(ok(await server.api.get(id))).toMatchObject({
      status: 'creating',
      job: { name: 'create', step: 'container', state: 'active' },
    });
    await answersAgain();
    await expectWhole(server, id);
    await expectRemovable(server, id);
  }, 90_000);

  it.each(MODES)(
    'clone: it begins to %s while the repository comes in; the job waits and completes',
    async (mode) => {
      const id = await inTheMiddleOfAClone(() => engine.set(mode));
      expect(await waits(id)).toMatchObject({
        status: 'cloning',
        job: { name: 'clone', step: 'clone', state: 'queued' },
      });
      await waitsOn(id);
      await answersAgain();
      await expectRepository(server, await expectWhole(server, id), COMMITS);
      await expectRemovable(server, id);
    },
    90_000,
  );

  it('clone: it begins to hang while the repository comes in; the job waits and completes', async () => {
    const id = await inTheMiddleOfAClone(() => engine.set('hang'));
    await sleep(HANG_MS);
    expect(ok(await server.api.get(id))).toMatchObject({
      status: 'cloning',
      job: { name: 'clone', step: 'clone', state: 'active' },
    });
    await answersAgain();
    await expectRepository(server, await expectWhole(server, id), COMMITS);
    await expectRemovable(server, id);
  }, 90_000);

  it('changes nothing as long as the engine fails, refuses new work, and lets what waits wait', async () => {
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
    await waits(waiting.id);
    expect(
      ok(await server.api.list())
        .items.map(({ id }) => id)
        .toSorted(),
    ).toEqual([kept.id, stopped.id, waiting.id].toSorted());
    expect(
      await Promise.all([kept, stopped].map(async ({ id }) => withoutAgent(ok(await server.api.get(id))))),
    ).toEqual(before);
    await answersAgain();
    await expectWhole(server, waiting.id);
    expect(
      await Promise.all([kept, stopped].map(async ({ id }) => withoutAgent(ok(await server.api.get(id))))),
    ).toEqual(before);
    for (const { id } of [kept, stopped, waiting]) await expectRemovable(server, id);
  }, 120_000);

  it('follows the engine again after its event stream was cut', async () => {
    const container = await running();
    const streams = () => engine.requests.filter(followsEvents).length;
    const before = await until('it follows', () => engine.cut(followsEvents) === 1 && streams());
    await until('it follows again', () => streams() > before);
    // It looks at all rows once when it is back; what follows comes from the new stream alone.
    await sleep(1_000);
    await server.engine.docker.getContainer(container.dockerId!).kill();
    const stopped = await server.api.waitForStatus(container.id, 'stopped', BY_EVENT_MS);
    expect(stopped.statusReason).toMatchObject({ code: 'exited' });
    await expectRemovable(server, container.id);
  }, 90_000);
});
