import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok, problem } from '../support/api/client.js';
import type { ExecResult } from '../support/api/engine.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import type { GitServers } from '../support/git/git-servers.js';
import { createSshKey } from '../support/git/ssh-key.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';

const MIB = 1024 * 1024;

describe('a repository in a workspace', () => {
  let server: TestServer;
  let git: GitServers;

  const wanted = (repoUrl: string, extra: Partial<CreateContainer> = {}): CreateContainer => ({
    name: uniqueName(),
    template: 'claude',
    repoType: 'clone',
    repoUrl,
    memoryLimit: 512,
    ...extra,
  });
  const overSsh = (name: string, extra: Partial<CreateContainer> = {}) =>
    wanted(git.url('ssh', name), { sshKeyPath: server.key.privateKeyPath, ...extra });
  const running = async (body: CreateContainer): Promise<Container> => {
    const { id } = ok(await server.api.create(body));
    return server.api.waitForStatus(id, 'running');
  };
  const failed = async (id: string): Promise<Container> => server.api.waitForStatus(id, 'failed', 30_000);
  const inside = (container: Container, script: string, user = '1000'): Promise<ExecResult> =>
    server.engine.exec(container.dockerId!, ['bash', '-c', script], { user, cwd: '/workspace' });
  const said = async (container: Container, script: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await inside(container, script);
    expect({ script, exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({ script, exitCode: 0, stderr: '' });
    return stdout.trim();
  };
  const agentOf = async ({ id }: Container): Promise<string> => {
    const { containers } = await server.engine.labelled(id);
    return containers.find(({ Labels }) => Labels['devforge.role'] === 'git-agent')!.Id;
  };

  beforeAll(async () => {
    server = await startTestServer({ GIT_NAME: 'Team', GIT_EMAIL: 'team@example.org' });
    git = await gitFixture(server);
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterEach(() => git?.reset());
  afterAll(async () => {
    await server?.dispose();
    await git?.close();
  }, 60_000);

  describe('over HTTPS', () => {
    it('is cloned with its history, owned by uid 1000, on the default branch', async () => {
      const container = await running(wanted(git.url('https', 'open')));
      const [newest] = await git.log('open');
      expect(await said(container, 'git log --format=%H -1')).toBe(newest!.hash);
      expect(await said(container, 'git log --oneline | wc -l')).toBe('4');
      expect(await said(container, 'git branch --show-current; git status --porcelain')).toBe('main');
      expect(await said(container, 'stat -c %u:%g . README.md .git | sort -u; cat README.md')).toBe('1000:1000\nhello');
      expect(await said(container, 'git remote get-url origin')).toBe(git.url('https', 'open'));
      expect(container).toMatchObject({
        repoUrl: git.url('https', 'open'),
        repoBranch: null,
        job: { name: 'create', state: 'completed', progress: 100 },
      });
      const logs = await server.api.request<{ lines: { message: string }[] }>(
        'GET',
        `/api/containers/${container.id}/logs`,
        {
          query: { source: 'clone' },
        },
      );
      expect(ok(logs).lines.map(({ message }) => message)).toEqual([
        `[clone] cloning ${git.url('https', 'open')}`,
        expect.stringMatching(/^\[clone] cloned in \d+ s$/),
      ]);
    });

    it('is cloned on the requested branch', async () => {
      const container = await running(wanted(git.url('https', 'open'), { repoBranch: 'dev' }));
      expect(await said(container, 'git branch --show-current; cat dev.txt')).toBe('dev\ndev');
      expect(container.repoBranch).toBe('dev');
    });

    it('comes from a server that every tool of the workspace trusts, also those with certificates of their own', async () => {
      const url = git.url('https', 'open');
      const container = await running(wanted(url, { template: 'claude' }));
      const refs = `${url}/info/refs?service=git-upload-pack`;
      const read = `import urllib.request; print(urllib.request.urlopen("${refs}").status)`;
      expect(await said(container, `python3 -c '${read}'`)).toBe('200');
      expect(await said(container, `curl --silent --fail --output /dev/null '${refs}' && echo read`)).toBe('read');
      const { stdout, stderr } = await inside(
        container,
        `python3 -m venv --without-pip /tmp/venv && /tmp/venv/bin/python $(ls /usr/share/python-wheels/pip-*.whl)/pip download --no-deps --retries 0 --index-url '${url}' nothing`,
      );
      // It is no index, which pip finds out only from a server that it trusts.
      expect(stdout + stderr).toContain('No matching distribution found for nothing');
      expect(stdout + stderr).not.toMatch(/ssl|certificate/i);

      const bundle = '/etc/ssl/certs/ca-certificates.crt';
      const names = 'CARGO_HTTP_CAINFO CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS PIP_CERT REQUESTS_CA_BUNDLE SSL_CERT_FILE';
      const lines = names.split(' ').map((name) => `${name}=${bundle}`);
      expect((await said(container, `env | grep '=${bundle}$' | sort`)).split('\n')).toEqual(
        expect.arrayContaining(lines),
      );
      const entries = `import struct; print("%x %d %d" % struct.unpack(">III", open("/etc/ssl/certs/java/cacerts", "rb").read(12)))`;
      const certificates = await said(container, `grep -c BEGIN ${bundle}`);
      expect(await said(container, `python3 -c '${entries}'`)).toBe(`feedfeed 2 ${certificates}`);
    });

    it('is committed to by whom the container names, or else the server, until git is configured', async () => {
      const author = (container: Container) =>
        said(container, 'git commit -q --allow-empty -m more && git log -1 --format="%an <%ae>, %cn <%ce>"');
      const [own, servers] = await Promise.all([
        running(wanted(git.url('https', 'open'), { gitName: 'Ada "Countess" Lovelace', gitEmail: 'ada@example.org' })),
        running(wanted(git.url('https', 'open'))),
      ]);
      expect(own).toMatchObject({ gitName: 'Ada "Countess" Lovelace', gitEmail: 'ada@example.org' });
      const ada = 'Ada "Countess" Lovelace <ada@example.org>';
      expect(await author(own)).toBe(`${ada}, ${ada}`);
      expect(servers).toMatchObject({ gitName: null, gitEmail: null });
      expect(await author(servers)).toBe('Team <team@example.org>, Team <team@example.org>');

      ok(await server.api.stop(own.id));
      ok(await server.api.start(own.id));
      expect(await author(own)).toBe(`${ada}, ${ada}`);
      await said(own, 'git config --global user.name User');
      expect(await author(own)).toBe('User <ada@example.org>, User <ada@example.org>');
      await said(own, 'git config user.name Repository && git config user.email repository@example.org');
      expect(await author(own)).toMatch(/^Repository <repository@example.org>/);
    });

    it('is checked out at a commit, in full or short, also one that is in no branch', async () => {
      const [newest, before] = await git.log('open');
      const at = (repoBranch: string) => running(wanted(git.url('https', 'open'), { repoBranch }));
      const hidden = await git.repositories.commitInNoBranch('open');
      const [full, short, none] = await Promise.all([at(before!.hash), at(before!.hash.slice(0, 10)), at(hidden)]);
      for (const [container, hash] of [
        [full, before!.hash],
        [short, before!.hash],
        [none, hidden],
      ] as const) {
        expect(await said(container, 'git rev-parse HEAD; git status --porcelain')).toBe(hash);
        expect(await said(container, 'git rev-parse origin/main')).toBe(newest!.hash);
      }
      expect(full.repoBranch).toBe(before!.hash);
    });

    it('is checked out at a branch or a tag whose name could be a commit', async () => {
      await git.createRepository('hexadecimal', { branches: { '20261128': { 'branch.txt': 'branch\n' } } });
      const container = await running(wanted(git.url('https', 'hexadecimal'), { repoBranch: '20261128' }));
      expect(await said(container, 'git branch --show-current; cat branch.txt')).toBe('20261128\nbranch');
    });

    it('may have a user name in its URL, as forges show it', async () => {
      const url = git.url('https', 'open').replace('https://', 'https://my-org@');
      const container = await running(wanted(url));
      expect(container.repoUrl).toBe(url);
      expect(await said(container, 'git log --oneline | wc -l')).toBe('4');
    });

    it('may have no commits', async () => {
      await git.createRepository('blank', { files: {} });
      const container = await running(wanted(git.url('https', 'blank')));
      expect(await said(container, 'git commit -q --allow-empty -m first && git log --format=%s')).toBe('first');
    });

    it('is cloned again after a temporary failure of the server', async () => {
      git.failNext(2);
      const container = await running(wanted(git.url('https', 'open')));
      expect(await said(container, 'git log --oneline | wc -l')).toBe('4');
      expect(ok(await server.api.job(container.job!.id))).toMatchObject({
        state: 'completed',
        attempts: 3,
        error: null,
      });
      expect(container.statusReason).toBeNull();
    });

    it('is part of the job that created the container, which shows the progress of git and ends with it', async () => {
      await git.createRepository('large', { randomMiB: 6 });
      git.throttle(3 * MIB);
      const { id, job } = ok(await server.api.create(wanted(git.url('https', 'large'))));
      const seen: { status: string; state: string; step: string | null; message: string | null; progress: number }[] =
        [];
      await until(
        'it runs',
        async () => {
          const { state, step, message, progress } = ok(await server.api.job(job!.id)) as unknown as (typeof seen)[0];
          const { status, job: current } = ok(await server.api.get(id));
          expect(current?.id).toBe(job!.id);
          seen.push({ status, state, step, message, progress });
          return status === 'running';
        },
        60_000,
      );
      // The job was read before the container.
      expect(seen.filter(({ state, status }) => state === 'completed' && status !== 'running')).toEqual([]);
      expect(ok(await server.api.job(job!.id))).toMatchObject({ state: 'completed', progress: 100, attempts: 1 });
      const messages = seen.map(({ message }) => message);
      expect(messages).toContainEqual(expect.stringMatching(/^Receiving objects: +\d+% \(\d+\/\d+\)/));
      const progress = seen.map((job) => job.progress);
      expect(progress).toEqual(progress.toSorted((a, b) => a - b));
      const whileCloning = seen.filter(({ step }) => step === 'clone').map((job) => job.progress);
      expect(Math.min(...whileCloning)).toBeGreaterThanOrEqual(50);
      expect(new Set(whileCloning).size).toBeGreaterThan(2);
    }, 90_000);
  });

  describe('over SSH', () => {
    it('is cloned, fetched and pushed to with a key that is stored nowhere in the workspace', async () => {
      const key = (await readFile(server.key.privateKeyPath, 'utf8')).split('\n');
      // The lines before are the same in every key of this type.
      const needle = key.at(-4)!;
      expect(needle).toMatch(/^[A-Za-z0-9+/]{70}$/);
      const container = await running(overSsh('secret'));
      const agent = await agentOf(container);
      expect(await said(container, 'cat secret.txt')).toBe('kept');

      await said(
        container,
        'git fetch && echo more > more.txt && git add . && git commit -qm "From inside" && git push -q',
      );
      const [newest] = await git.log('secret');
      expect(newest).toMatchObject({ subject: 'From inside' });
      expect(newest!.hash).toBe(await said(container, 'git rev-parse HEAD'));

      for (const dockerId of [container.dockerId!, agent]) {
        await expect(filesWith(dockerId, needle)).resolves.toEqual([]);
        const { docker } = server.engine;
        expect(JSON.stringify(await server.engine.inspect(dockerId))).not.toContain(needle);
        expect(JSON.stringify(await docker.getContainer(dockerId).top({ ps_args: '-eo pid,args' }))).not.toContain(
          needle,
        );
        const logs = await docker.getContainer(dockerId).logs({ stdout: true, stderr: true, follow: false });
        expect(logs.toString('latin1')).not.toContain(needle);
        const environments = await server.engine.exec(dockerId, ['sh', '-c', 'cat /proc/[0-9]*/environ'], {
          user: '1000',
        });
        expect(environments.stdout).toContain('SSH_AUTH_SOCK');
        expect(environments.stdout).not.toContain(needle);
      }
      expect(JSON.stringify(await server.engine.docker.getImage(container.image!).history())).not.toContain(needle);
      expect(JSON.stringify(ok(await server.api.get(container.id)))).not.toContain(needle);
      expect(server.devforge.log()).not.toContain(needle);

      // The search finds what is there to be found.
      await said(
        container,
        `umask 077 && printf '%s' '${needle}' > /tmp/found && cp /tmp/found ~/found && cp /tmp/found /workspace/found`,
      );
      await expect(filesWith(container.dockerId!, needle)).resolves.toEqual([
        '/home/dev/found',
        '/tmp/found',
        '/workspace/found',
      ]);
    }, 90_000);

    it('has its key in a sidecar without network, where the workspace cannot read it', async () => {
      const container = await running(overSsh('secret'));
      const { Config, HostConfig, Mounts } = await server.engine.inspect(await agentOf(container));
      expect(Config).toMatchObject({ User: '1000:1000', Image: container.image });
      expect(HostConfig).toMatchObject({
        NetworkMode: 'none',
        PidMode: '',
        IpcMode: 'private',
        Privileged: false,
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      });
      for (const list of [HostConfig.Binds, HostConfig.Devices, HostConfig.PortBindings, HostConfig.CapAdd])
        expect(Object.keys(list ?? {})).toEqual([]);
      expect(HostConfig.Memory).toBeLessThanOrEqual(64 * MIB);
      expect(Mounts.map(({ Type, Destination, RW }) => ({ Type, Destination, RW }))).toEqual([
        { Type: 'volume', Destination: '/run/devforge/git-agent', RW: true },
      ]);
      const workspace = await server.engine.inspect(container.dockerId!);
      const shared = workspace.Mounts.find(({ Destination }) => Destination === '/run/devforge/git-agent');
      expect(shared).toMatchObject({ Type: 'volume', Name: Mounts[0]!.Name, RW: false });

      expect(await said(container, 'ps -eo comm')).not.toContain('ssh-agent');
      expect(await said(container, 'ssh-add -l')).toContain('(ED25519)');
      expect((await inside(container, 'rm -f "$SSH_AUTH_SOCK"')).exitCode).not.toBe(0);
      expect(
        await said(
          container,
          'cd / && git ls-remote --heads origin 2> /dev/null || git -C /workspace ls-remote --heads',
        ),
      ).toContain('refs/heads/main');
    }, 60_000);

    it('can still be fetched after a stop and a start', async () => {
      const container = await running(overSsh('secret'));
      ok(await server.api.stop(container.id));
      expect((await server.engine.inspect(await agentOf(container))).State.Running).toBe(false);
      expect(ok(await server.api.start(container.id)).status).toBe('running');
      await said(
        container,
        'git fetch && git commit -q --allow-empty -m "After a restart" && git pull -q --rebase && git push -q',
      );
      expect((await git.log('secret'))[0]).toMatchObject({ subject: 'After a restart' });

      await server.engine.docker.getContainer(await agentOf(container)).remove({ force: true });
      ok(await server.api.stop(container.id));
      ok(await server.api.start(container.id));
      await said(container, 'git fetch');
    }, 60_000);

    it('is cloned on the requested branch over SSH', async () => {
      const container = await running(overSsh('open', { repoBranch: 'dev' }));
      expect(await said(container, 'git branch --show-current')).toBe('dev');
    });

    it('leaves no sidecar, volume or network when its container is deleted', async () => {
      const { id } = await running(overSsh('secret'));
      expect((await server.engine.labelled(id)).volumes).toHaveLength(5);
      ok(await server.api.remove(id));
      await expect(server.engine.labelled(id)).resolves.toEqual({ containers: [], volumes: [], networks: [] });
    });
  });

  describe('that cannot be cloned', () => {
    const fails = async (body: CreateContainer, code: string): Promise<Container> => {
      const { id } = ok(await server.api.create(body));
      const container = await failed(id);
      expect(container.statusReason).toEqual({ code, message: expect.any(String) });
      const job = ok(await server.api.job(container.job!.id));
      expect(job).toMatchObject({ state: 'failed', attempts: 1, error: { code, retryable: false } });
      return container;
    };

    it('fails without a retry when the server asks for credentials', async () => {
      const container = await fails(wanted(git.url('https', 'secret')), 'git_auth_failed');
      expect(JSON.stringify(container)).not.toContain(git.credentials.password);
    });

    it('fails without a retry when the server rejects the key', async () => {
      const stranger = await createSshKey(server.keysDir, { name: uniqueName('stranger') });
      await fails(wanted(git.url('ssh', 'secret'), { sshKeyPath: stranger.privateKeyPath }), 'git_auth_failed');
    });

    it('fails without a retry when there is no key', async () => {
      await fails(wanted(git.url('ssh', 'secret')), 'git_auth_failed');
    });

    it.each(['https', 'ssh'] as const)(
      'fails without a retry when the repository does not exist over %s',
      async (kind) => {
        const extra = kind === 'ssh' ? { sshKeyPath: server.key.privateKeyPath } : {};
        await fails(wanted(git.url(kind, 'absent'), extra), 'git_repository_not_found');
      },
    );

    it.each(['https', 'ssh'] as const)('fails without a retry when the branch does not exist over %s', async (kind) => {
      const extra = kind === 'ssh' ? { sshKeyPath: server.key.privateKeyPath } : {};
      await fails(wanted(git.url(kind, 'open'), { repoBranch: 'absent', ...extra }), 'git_branch_not_found');
    });

    it('fails without a retry when the key has a passphrase', async () => {
      const locked = await createSshKey(server.keysDir, { name: uniqueName('locked'), passphrase: 'unknown' });
      await fails(overSsh('secret', { sshKeyPath: locked.privateKeyPath }), 'ssh_key_not_usable');
    });

    it.each([
      ['a web page', 'git_not_a_repository', { status: 200, headers: { 'Content-Type': 'text/html' } }],
      [
        'a page that leads to a sign-in',
        'git_not_a_repository',
        { status: 302, headers: { Location: '/sign-in/?t=hunter2' } },
      ],
      [
        'a page that leads to itself',
        'git_not_a_repository',
        { status: 302, headers: { Location: '/page/info/refs?a' } },
      ],
      ['an answer of 400', 'git_refused', { status: 400 }],
      ['an answer of 410', 'git_repository_not_found', { status: 410 }],
    ])('fails without a retry when there is %s', async (_what, code, page) => {
      git.https.pages.set('page', page);
      git.https.pages.set('sign-in', { status: 200, headers: { 'Content-Type': 'text/html' } });
      const container = await fails(wanted(git.url('https', 'page')), code);
      expect(JSON.stringify(ok(await server.api.job(container.job!.id)))).not.toContain('hunter2');
      expect(server.devforge.log()).not.toContain('hunter2');
    });

    it('fails without a retry when there is no such commit', async () => {
      for (const repoBranch of ['0123456789abcdef0123456789abcdef01234567', '0123456'])
        await fails(wanted(git.url('https', 'open'), { repoBranch }), 'git_branch_not_found');
    });

    it('is refused with a file that is no private key, named for what it is', async () => {
      const putty = join(server.keysDir, uniqueName('ppk'));
      await writeFile(putty, 'PuTTY-User-Key-File-3: ssh-ed25519\r\n', { mode: 0o600 });
      for (const [sshKeyPath, what] of [
        [`${server.key.privateKeyPath}.pub`, 'public key'],
        [putty, 'PuTTY'],
      ] as const) {
        const answer = problem(await server.api.create(overSsh('secret', { sshKeyPath })));
        expect(answer).toMatchObject({
          status: 400,
          code: 'ssh_key_not_usable',
          detail: expect.stringContaining(what),
        });
      }
    });

    it('is cloned with a key that an editor has changed', async () => {
      const edited = join(server.keysDir, uniqueName('edited'));
      const key = await readFile(server.key.privateKeyPath, 'utf8');
      await writeFile(edited, `\uFEFF${key.trim().replaceAll('\n', '\r\n')}`, { mode: 0o600 });
      await running(overSsh('secret', { sshKeyPath: edited }));
    });

    it('stores the output of git in the job, leaves no process, and is cloned on start once the cause is gone', async () => {
      const container = await fails(overSsh('late'), 'git_repository_not_found');
      const { error } = ok(await server.api.job(container.job!.id)) as unknown as { error: { output: string[] } };
      expect(error.output.join('\n')).toContain('Repository not found.');
      await until('nothing runs', async () =>
        (await server.engine.labelled(container.id)).containers.every(({ State }) => State === 'exited'),
      );
      await git.createRepository('late', { files: { 'late.txt': 'at last\n' } });
      const started = ok(await server.api.start(container.id));
      expect(started).toMatchObject({ status: 'running', statusReason: null });
      expect(await said(started, 'cat late.txt && git fetch')).toBe('at last');
    }, 60_000);

    it('fails when the host key differs from the one that the container knows', async () => {
      const container = await fails(overSsh('later'), 'git_repository_not_found');
      await git.createRepository('later');
      await git.ssh.rotateHostKey();
      await server.api.start(container.id);
      expect(await failed(container.id)).toMatchObject({ statusReason: { code: 'git_host_key_changed' } });
      // Another container has never seen the old one.
      await running(overSsh('later'));
    }, 60_000);
  });

  /** The files of a container that hold that text. Its users search one after the other: its root may not read what is another's. */
  async function filesWith(dockerId: string, needle: string): Promise<string[]> {
    const searches = await Promise.all(['0', '1000'].map((user) => search(dockerId, user, needle)));
    const [ofRoot, ofUser] = searches.map(({ unread }) => unread) as [string[], string[]];
    expect(ofRoot.filter((path) => ofUser.includes(path))).toEqual([]);
    return [...new Set(searches.flatMap(({ found }) => found))].toSorted();
  }

  async function search(
    dockerId: string,
    user: string,
    needle: string,
  ): Promise<{ found: string[]; unread: string[] }> {
    const exec = await server.engine.docker.getContainer(dockerId).exec({
      // Over stdin, so that the search does not find itself.
      Cmd: ['grep', '-rlF', '--devices=skip', '--exclude-dir=proc', '--exclude-dir=sys', '-f', '-', '/'],
      Env: ['LC_ALL=C'],
      User: user,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    });
    const stream = await exec.start({ hijack: true, stdin: true });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    server.engine.docker.modem.demuxStream(stream, stdout, stderr);
    stream.once('end', () => [stdout, stderr].forEach((sink) => sink.end()));
    stream.end(`${needle}\n`);
    const [found, faults] = await Promise.all([text(stdout), text(stderr)]);
    const unread = faults
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => /^grep: (\/.*): Permission denied$/.exec(line)?.[1] ?? line);
    return { found: found.trim().split('\n').filter(Boolean), unread };
  }
});
