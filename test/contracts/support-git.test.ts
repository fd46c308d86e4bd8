import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type GitServers, startGitServers } from '../support/git/git-servers.js';
import { type Finished, gitEnvironment, run } from '../support/git/run.js';
import { createSshKey, type SshKey } from '../support/git/ssh-key.js';

const KIB = 1024;

describe('the test git servers', () => {
  let dir: string;
  let servers: GitServers;
  let key: SshKey;
  let clones = 0;

  const sshCommand = (privateKeyPath: string) =>
    `ssh -F /dev/null -i ${privateKeyPath} -o IdentitiesOnly=yes -o IdentityAgent=none -o BatchMode=yes ` +
    `-o StrictHostKeyChecking=yes -o UserKnownHostsFile=${join(dir, 'known_hosts')}`;

  const git = (args: string[], env: NodeJS.ProcessEnv = {}, timeoutMs = 10_000) => {
    const trust = { GIT_SSL_CAINFO: servers.caFile, GIT_SSH_COMMAND: sshCommand(key.privateKeyPath) };
    return run('git', args, { env: { ...gitEnvironment(), ...trust, ...env }, timeoutMs });
  };

  const clone = async (url: string, env: NodeJS.ProcessEnv = {}, timeoutMs = 10_000) => {
    const folder = join(dir, `clone-${(clones += 1)}`);
    const finished: Finished = await git(['clone', '--progress', '--', url, folder], env, timeoutMs);
    return { ...finished, folder };
  };

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'devforge-git-test-'));
    servers = await startGitServers();
    key = await createSshKey(join(dir, 'keys'), { comment: 'known' });
    await servers.ssh.authorize(key.publicKey);
    await writeFile(join(dir, 'known_hosts'), servers.ssh.knownHosts(servers.host));
    await servers.createRepository('open', {
      files: { 'README.md': 'hello\n', 'src/main.ts': 'export {};\n' },
      commits: 3,
      branches: { dev: { 'dev.txt': 'dev\n' } },
    });
    await servers.createRepository('secret', { private: true });
    await servers.createRepository('large', { randomMiB: 2 });
    await servers.createRepository('blank', { files: {} });
  });
  afterEach(() => servers.reset());
  afterAll(async () => {
    await servers.close();
    await rm(dir, { recursive: true, force: true });
  });

  it('gives a public repository over HTTPS to a client that trusts its authority', async () => {
    const { exitCode, folder } = await clone(servers.url('https', 'open'));
    expect(exitCode).toBe(0);
    await expect(readFile(join(folder, 'README.md'), 'utf8')).resolves.toBe('hello\n');
    await expect(servers.log('open')).resolves.toHaveLength(4);
    await expect(servers.repositories.branches('open')).resolves.toEqual(['dev', 'main']);

    const distrust = await clone(servers.url('https', 'open'), { GIT_SSL_CAINFO: undefined });
    expect(distrust.stderr).toMatch(/certificate/i);
    expect(distrust.exitCode).not.toBe(0);
  });

  it('gives a repository over SSH to an authorised key, and takes a push', async () => {
    const { exitCode, folder } = await clone(servers.url('ssh', 'open'));
    expect(exitCode).toBe(0);
    const person = ['-c', 'user.name=Someone', '-c', 'user.email=someone@devforge.test'];
    await git(['-C', folder, ...person, 'commit', '--quiet', '--allow-empty', '-m', 'From inside']);
    const pushed = await git(['-C', folder, 'push', 'origin', 'HEAD:refs/heads/pushed']);
    expect(pushed.exitCode).toBe(0);
    const [newest] = await servers.log('open', 'pushed');
    expect(newest).toMatchObject({ subject: 'From inside', author: 'Someone', email: 'someone@devforge.test' });
  });

  it('refuses an unknown and a revoked key, and any command but git', async () => {
    const other = await createSshKey(join(dir, 'keys'), { name: 'other' });
    const env = { GIT_SSH_COMMAND: sshCommand(other.privateKeyPath) };
    expect((await clone(servers.url('ssh', 'open'), env)).stderr).toContain('Permission denied (publickey)');
    await servers.ssh.authorize(other.publicKey);
    expect((await clone(servers.url('ssh', 'open'), env)).exitCode).toBe(0);
    await servers.ssh.revoke(other.publicKey);
    expect((await clone(servers.url('ssh', 'open'), env)).stderr).toContain('Permission denied (publickey)');

    const shell = `${sshCommand(key.privateKeyPath)} -p ${servers.ssh.port} ${servers.host} id`;
    const refused = await run('sh', ['-c', shell], { env: gitEnvironment() });
    expect(refused).toMatchObject({ exitCode: 128, stdout: '', stderr: 'Only git is served here.\n' });
  });

  it('tells a client when its host key has changed', async () => {
    await servers.ssh.rotateHostKey();
    expect((await clone(servers.url('ssh', 'open'))).stderr).toContain('Host key verification failed');
    await writeFile(join(dir, 'known_hosts'), servers.ssh.knownHosts(servers.host));
    expect((await clone(servers.url('ssh', 'open'))).exitCode).toBe(0);
  });

  it('asks for credentials before it gives a private repository over HTTPS', async () => {
    const url = servers.url('https', 'secret');
    const before = servers.https.requests.length;
    expect((await clone(url)).stderr).toContain('terminal prompts disabled');
    expect(servers.https.requests.slice(before).map(({ status }) => status)).toEqual([401]);
    const { username, password } = servers.credentials;
    expect((await clone(url.replace('//', `//${username}:${password}@`))).exitCode).toBe(0);
    expect((await clone(url.replace('//', `//${username}:wrong@`))).stderr).toContain('Authentication failed');
  });

  it('knows nothing of a repository that does not exist, and gives one without a commit', async () => {
    expect((await clone(servers.url('https', 'absent'))).stderr).toContain('not found');
    expect((await clone(servers.url('ssh', 'absent'))).stderr).toContain('Repository not found.');
    expect((await clone(servers.url('https', 'blank'))).stderr).toContain('empty repository');
  });

  it('fails as often as it was told', async () => {
    servers.failNext(2);
    servers.ssh.faults.failNext(1);
    expect((await clone(servers.url('https', 'open'))).stderr).toContain('503');
    expect((await clone(servers.url('https', 'open'))).stderr).toContain('503');
    expect((await clone(servers.url('https', 'open'))).exitCode).toBe(0);
    expect((await clone(servers.url('ssh', 'open'))).exitCode).toBe(128);
    expect((await clone(servers.url('ssh', 'open'))).exitCode).toBe(0);
  });

  it.each(['https', 'ssh'] as const)('slows a clone over %s down', async (kind) => {
    servers.throttle(1_500 * KIB);
    const started = performance.now();
    const { exitCode, stderr } = await clone(servers.url(kind, 'large'));
    expect(exitCode).toBe(0);
    expect(performance.now() - started).toBeGreaterThan(1_000);
    expect(stderr).toMatch(/Receiving objects: +\d{1,2}%/);
  });

  it.each(['https', 'ssh'] as const)('accepts and does not answer over %s while it hangs', async (kind) => {
    servers.hang(true);
    const silent = await clone(servers.url(kind, 'open'), {}, 500);
    expect(silent.exitCode).toBeNull();
    const patient = clone(servers.url(kind, 'open'));
    servers.hang(false);
    expect((await patient).exitCode).toBe(0);
  });

  it('makes keys that only their owner can read, with a passphrase where wanted', async () => {
    const locked = await createSshKey(join(dir, 'keys'), {
      name: 'locked',
      comment: 'a comment',
      passphrase: 'secret',
    });
    expect((await stat(locked.privateKeyPath)).mode & 0o777).toBe(0o600);
    expect(locked.publicKey).toMatch(/^ssh-ed25519 \S+ a comment$/);
    const opened = await run('ssh-keygen', ['-y', '-P', '', '-f', locked.privateKeyPath]);
    expect(opened.stderr).toContain('incorrect passphrase');
  });
});
