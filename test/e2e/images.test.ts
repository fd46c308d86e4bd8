import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { GOOD_BASE } from '../support/faults/base-images.js';
import type { GitServers } from '../support/git/git-servers.js';
import { foreignImage } from '../support/images/foreign-image.js';

const IMAGE = 'devforge-test/theirs:1';
const LAYING_MS = 300_000;

describe('containers of other images', () => {
  let server: TestServer;
  let git: GitServers;
  let first: Container;

  const wanted = (extra: Partial<CreateContainer> = {}): CreateContainer => ({
    name: uniqueName('image'),
    template: 'both',
    image: IMAGE,
    ...extra,
  });
  const create = async (extra: Partial<CreateContainer> = {}): Promise<Container> => {
    const { id } = ok(await server.api.create(wanted(extra)));
    return server.api.waitForStatus(id, 'running', LAYING_MS);
  };
  const said = async ({ id }: Container, script: string): Promise<string> => {
    const body = { command: ['sh', '-c', script] };
    type Result = { exitCode: number; stdout: string; stderr: string };
    const { exitCode, stdout, stderr } = ok(
      await server.api.request<Result>('POST', `/api/containers/${id}/exec`, { body }),
    );
    expect({ script, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ script, exitCode: 0, stderr: '' });
    return stdout.trim();
  };
  const imageOfAgent = async ({ id }: Container): Promise<string> => {
    const { containers } = await server.engine.labelled(id);
    return containers.find(({ Labels }) => Labels['devforge.role'] === 'git-agent')!.Image;
  };

  beforeAll(async () => {
    server = await startTestServer({ ALLOWED_IMAGES: 'docker.io/devforge-test/*' });
    git = await gitFixture(server);
    await ensureImages(server, 'both');
    const { docker } = server.engine;
    // Debian without the programs that DevForge brings, and with what an image for work has.
    await foreignImage(docker, IMAGE, [
      `FROM ${GOOD_BASE}`,
      'RUN useradd --create-home --shell /bin/sh coder && mkdir -p /opt/tool/bin && printf "#!/bin/sh\\necho their tool\\n" > /opt/tool/bin/tool && chmod 755 /opt/tool/bin/tool',
      'ENV GREETING="hello world" PATH=/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'VOLUME /data',
      'ONBUILD RUN exit 1',
      'WORKDIR /app',
      'USER coder',
      'ENTRYPOINT ["/bin/false"]',
    ]);
    // On its first use, the programs are prepared and laid over it.
    first = await create();
    await foreignImage(docker, 'devforge-test/program:1', ['FROM scratch', 'COPY program /program'], { program: '' });
    await foreignImage(docker, 'devforge-test/musl:1', ['FROM scratch', 'COPY musl /lib/ld-musl-x86_64.so.1'], {
      musl: '',
    });
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  it('have the programs, the environment and the user of the image, and those of DevForge', async () => {
    expect(first).toMatchObject({ imageReference: IMAGE, packages: [] });
    expect(first.image).toMatch(/^devforge\/image-both:/);
    expect(await said(first, 'id -un; id -u; pwd; tool; echo $GREETING; echo $HOME')).toBe(
      ['coder', '1000', '/workspace', 'their tool', 'hello world', '/home/dev'].join('\n'),
    );
    expect(await said(first, 'for each in git node python3 rg tmux ssh; do command -v $each; done')).toBe(
      ['git', 'node', 'python3', 'rg', 'tmux', 'ssh'].map((name) => `/opt/devforge/bin/${name}`).join('\n'),
    );
    expect(await said(first, 'node --version; rg --version | head -n 1; git --version')).toMatch(
      /^v24\..*\nripgrep .*\ngit version /,
    );
    expect(await said(first, 'claude --version')).toContain('Claude Code');
    expect(await said(first, 'devforge-editor start')).toBe('devforge-editor 2');
  });

  it('are as confined as all others', async () => {
    const { HostConfig, Mounts, Config } = await server.engine.inspect(first.dockerId!);
    expect(HostConfig).toMatchObject({ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Privileged: false });
    expect(Config.User).toBe('1000:1000');
    // The volume that the image declares is none of them.
    expect(Mounts.map(({ Destination }) => Destination)).not.toContain('/data');
    expect(await said(first, 'touch /usr/local/bin/x /opt/devforge/bin/x 2> /dev/null || echo refused')).toBe(
      'refused',
    );
  });

  it('are made of what was made for the first one', async () => {
    const second = await create({ repoType: 'clone', repoUrl: git.url('https', 'open') });
    expect(second.image).toBe(first.image);
    expect(await said(second, 'cat README.md; git log --oneline | wc -l')).toBe('hello\n4');
    expect(await said(second, 'git fetch 2>&1; echo $?')).toBe('0');
  });

  it('use a key that a program of the image could not have read', async () => {
    const repoUrl = git.url('ssh', 'secret');
    const container = await create({ repoType: 'clone', repoUrl, sshKeyPath: server.key.privateKeyPath });
    expect(await said(container, 'ssh-add -l | wc -l; git fetch 2>&1; echo $?')).toBe('1\n0');
    expect(await imageOfAgent(container)).toMatch(/^devforge\/workspace-both:/);
  });

  it(
    'get packages of the distribution, and other ones at a rebuild, with their files',
    async () => {
      const name = uniqueName('packages');
      await said(first, 'echo kept > /workspace/file; ! command -v tree');
      const path = `/api/containers/${first.id}`;
      const changed = ok(await server.api.request<Container>('PATCH', path, { body: { name, packages: ['tree'] } }));
      expect(changed).toMatchObject({ packages: ['tree'], pendingChanges: ['name', 'packages'], image: first.image });
      ok(await server.api.request('POST', `${path}/rebuild`));
      const rebuilt = await server.api.waitForStatus(first.id, 'running', LAYING_MS);
      expect(rebuilt).toMatchObject({ packages: ['tree'], pendingChanges: [], imageReference: IMAGE });
      expect(rebuilt.image).toMatch(/^devforge\/packages-both:/);
      expect(await said(rebuilt, 'tree --noreport /workspace; tool; id -un')).toContain('file\ntheir tool\ncoder');
    },
    LAYING_MS,
  );

  it.each([
    ['devforge-test/program:1', 'it has no C library; it has to be glibc 2.26 or newer'],
    ['devforge-test/musl:1', 'its C library is musl, as in Alpine'],
  ])('are not made of %s: %s', async (image, reason) => {
    const { id } = ok(await server.api.create(wanted({ image })));
    const { job, statusReason } = await server.api.waitForStatus(id, 'failed');
    expect(statusReason).toMatchObject({ code: 'image_unsuitable', message: expect.stringContaining(reason) });
    expect(job?.error).toMatchObject({ code: 'image_unsuitable', retryable: false });
    const left = { label: ['devforge.role=image-check'] };
    await expect(server.engine.docker.listContainers({ all: true, filters: left })).resolves.toEqual([]);
  });

  it(
    'are not made of an image that no registry has',
    async () => {
      const { id } = ok(await server.api.create(wanted({ image: 'devforge-test/absent:1' })));
      const { statusReason } = await server.api.waitForStatus(id, 'failed', LAYING_MS);
      expect(statusReason).toMatchObject({ code: 'image_unavailable' });
    },
    LAYING_MS,
  );

  it.each([
    ['debian:bookworm-slim', 'is not (ALLOWED_IMAGES of the server)'],
    ['Not An Image', 'must be a reference of an image'],
  ])('are refused at the field image for %s', async (image, message) => {
    const refused = problem(await server.api.create(wanted({ image })));
    expect(refused).toMatchObject({ status: 400, code: 'validation_failed' });
    expect(refused.errors).toEqual([{ field: 'image', messages: [expect.stringContaining(message)] }]);
  });
});
