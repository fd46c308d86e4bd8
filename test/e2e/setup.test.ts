import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import type { GitServers } from '../support/git/git-servers.js';

describe('the set-up of a workspace', () => {
  let server: TestServer;
  let git: GitServers;

  const create = async (extra: Partial<CreateContainer>): Promise<Container> =>
    ok(await server.api.create({ name: uniqueName('setup'), template: 'claude', memoryLimit: 512, ...extra }));
  const said = async ({ id }: Container, script: string): Promise<string> => {
    const body = { command: ['sh', '-c', script] };
    const path = `/api/containers/${id}/exec`;
    return ok(await server.api.request<{ stdout: string }>('POST', path, { body })).stdout.trim();
  };
  const logOf = async ({ id }: Container, stream = 'all'): Promise<string[]> => {
    const query = { source: 'setup', stream };
    const path = `/api/containers/${id}/logs`;
    const { lines } = ok(await server.api.request<{ lines: { message: string }[] }>('GET', path, { query }));
    return lines.map(({ message }) => message);
  };

  beforeAll(async () => {
    server = await startTestServer();
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  it('runs after a clone of as many commits as were asked for, with its output in the log, and once', async () => {
    const setup = 'cp README.md copy; echo "$((6 * 7))"; sleep 300 & echo made >&2';
    const { id } = await create({ repoType: 'clone', repoUrl: git.url('https', 'open'), depth: 1, setup });
    const container = await server.api.waitForStatus(id, 'running');
    expect(container).toMatchObject({ setup, depth: 1, submodules: false, lfs: false });
    expect(container.job).toMatchObject({ state: 'completed', progress: 100 });
    expect(await said(container, 'cat copy; git rev-list --count HEAD; pgrep -c sleep')).toBe('hello\n1\n1');
    expect(await logOf(container)).toEqual([
      '[setup] set-up started',
      '[setup] 42',
      '[setup] made',
      expect.stringMatching(/^\[setup\] set up in \d+ s$/),
    ]);
    ok(await server.api.request('POST', `/api/containers/${id}/stop`));
    ok(await server.api.request('POST', `/api/containers/${id}/start`));
    expect(await said(container, 'pgrep -c sleep')).toBe('0');
  });

  it('fails the container with what the command said, and is run again by start', async () => {
    const setup = 'test -e ~/tried || { touch ~/tried; echo "no such tool" >&2; exit 7; }; echo done > result';
    const { id } = await create({ setup });
    const failed = await server.api.waitForStatus(id, 'failed');
    expect(failed.statusReason).toEqual({ code: 'setup_failed', message: 'The set-up ended with exit code 7.' });
    expect(failed.job?.error).toMatchObject({ retryable: false, output: ['no such tool'] });
    ok(await server.api.request('POST', `/api/containers/${id}/start`));
    const container = await server.api.waitForStatus(id, 'running');
    expect(await said(container, 'cat result')).toBe('done');
    expect(await logOf(container, 'stderr')).toEqual([
      expect.stringMatching(/^\[setup\] failed with exit code 7 after/),
    ]);
  });

  it('has options of a clone only where there is one', async () => {
    const body = { name: uniqueName(), template: 'claude' as const, depth: 1, submodules: true, lfs: true, setup: '' };
    const refused = problem(await server.api.create(body));
    expect(refused.errors?.map(({ field }) => field).toSorted()).toEqual(['depth', 'lfs', 'setup', 'submodules']);
  });
});
