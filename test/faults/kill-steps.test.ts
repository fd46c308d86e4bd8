import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import { withoutAgent } from '../support/api/without-agent.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { gitFixture } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { RequestMatcher } from '../support/engine-proxy/engine-request.js';
import { crash, cloning, type FaultServer, small, startFaultServer } from '../support/faults/fault-server.js';
import type { When } from '../support/engine-proxy/hold.js';
import {
  addsKey,
  inspectsEndOfClone,
  inspectsEndOfSetUp,
  clones,
  creates,
  inspectsImage,
  listsNetworks,
  nth,
  setsUp,
  starts,
} from '../support/engine-proxy/matchers.js';
import { expectRemovable, expectRepository, expectComplete } from '../support/faults/traces.js';
import type { GitServers } from '../support/git/git-servers.js';

const COMMITS = 4;
const MIB = 1024 * 1024;
const VISIBLE_MS = 3_000;
/** The sidecar is started before the workspace, by create and by clone. */
const START = { agent: 1, workspace: 2, workspaceAgain: 4 };

type Point = [step: string, request: string, when: When, matcher: () => RequestMatcher];
const POINTS: Point[] = [
  ['image', 'the inspection of the image', 'before', () => inspectsImage],
  ['network', 'the listing of the networks', 'before', () => listsNetworks],
  ['git-agent', 'the creation of the sidecar', 'before', () => creates('git-agent')],
  ['git-agent', 'the creation of the sidecar', 'after', () => creates('git-agent')],
  ['git-agent', 'the start of the sidecar', 'before', () => nth(START.agent, starts)],
  ['git-agent', 'the start of the sidecar', 'after', () => nth(START.agent, starts)],
  ['git-agent', 'the transfer of the key', 'before', () => addsKey],
  ['container', 'the creation of the container', 'before', () => creates('workspace')],
  ['container', 'the creation of the container', 'after', () => creates('workspace')],
  ['start', 'the start of the container', 'before', () => nth(START.workspace, starts)],
  ['start', 'the start of the container', 'after', () => nth(START.workspace, starts)],
  ['resume', 'the start before the clone', 'before', () => nth(START.workspaceAgain, starts)],
  ['resume', 'the start before the clone', 'after', () => nth(START.workspaceAgain, starts)],
  ['clone', 'the start of the clone', 'before', () => clones],
  ['clone', 'the inspection of the ended clone', 'before', inspectsEndOfClone],
  ['setup', 'the start of the set-up', 'before', () => setsUp],
  ['setup', 'the inspection of the ended set-up', 'before', inspectsEndOfSetUp],
];

describe('a SIGKILL of the server during provisioning', () => {
  let server: FaultServer;
  let git: GitServers;

  beforeAll(async () => {
    server = await startFaultServer();
    git = await gitFixture(server);
    await git.createRepository('big', { randomMiB: 4, commits: COMMITS - 1 });
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    server?.proxy.reset();
    git?.reset();
  });
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  /** A private repository with a key: every step has something to do. */
  const withKey = () =>
    small({
      repoType: 'clone',
      repoUrl: git.url('ssh', 'open'),
      sshKeyPath: server.key.privateKeyPath,
      setup: 'echo once >> ~/set-ups',
    });
  const stepOf = async (id: string) => (await server.api.get(id)).body.job?.step;
  const expectOneSetUp = async (dockerId: string): Promise<void> => {
    const { stdout } = await server.engine.exec(dockerId, ['cat', '/home/dev/set-ups']);
    expect(stdout).toBe('once\n');
  };
  const expectEverything = async (id: string, key: boolean): Promise<void> => {
    const container = await expectComplete(server, id, { key });
    await expectRepository(server, container, COMMITS);
    if (key) await expectOneSetUp(container.dockerId!);
    await expectRemovable(server, id);
  };

  it('of a queued container is survived by the job', async () => {
    const { id, status } = ok(await server.api.create(withKey()));
    await crash(server);
    expect(status).toBe('queued');
    await server.devforge.restart();
    await expectEverything(id, true);
  }, 90_000);

  it.each(POINTS)(
    'in step %s, at %s and %s the engine executed it, is survived by the job',
    async (step, _request, when, matcher) => {
      const hold = server.proxy.hold(matcher(), when);
      const { id } = ok(await server.api.create(withKey()));
      await hold.reached();
      // The step is written to the job a little later.
      await until(`the job shows ${step}`, async () => (await stepOf(id)) === step, VISIBLE_MS);
      await crash(server);
      await server.devforge.restart();
      await expectEverything(id, true);
    },
    90_000,
  );

  it('during the transfer of a repository is survived by the job', async () => {
    git.throttle(MIB / 2);
    const { id } = ok(await server.api.create(cloning(git, 'big')));
    const { job } = await until(
      'the transfer of the repository',
      async () => {
        const { body } = await server.api.get(id);
        return body.status === 'cloning' && Number(body.job?.progress) > 60 && body;
      },
      60_000,
    );
    expect(job?.step).toBe('clone');
    await crash(server);
    await server.devforge.restart();
    git.reset();
    await expectEverything(id, false);
  }, 90_000);

  it('right after the container runs leaves it untouched', async () => {
    const { id } = ok(await server.api.create(withKey()));
    const before = withoutAgent(await server.api.waitForStatus(id, 'running'));
    await crash(server);
    await server.devforge.restart();
    expect(withoutAgent(ok(await server.api.get(id)))).toEqual(before);
    await expectEverything(id, true);
  }, 90_000);
});
