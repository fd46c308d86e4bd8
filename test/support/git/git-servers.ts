import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { dockerBridgeAddress, localAddresses } from './addresses.js';
import { TestAuthority } from './certificate.js';
import { type Credentials, HttpsGitServer } from './https-server.js';
import { type Commit, Repositories } from './repositories.js';
import type { RepositorySeed } from './repository-seed.js';
import { SshGitServer } from './ssh-server.js';

export interface GitServersOptions {
  /** The address in URLs; by default that of `docker0`, or loopback without one. The servers listen on all. */
  host?: string;
  /** Private addresses, besides those of this machine, that the certificate is good for. */
  certificateHosts?: string[];
}

/**
 * A real SSH and a real HTTPS git server over the same bare repositories, for containers and for the host.
 *
 * They live in this process: a test must not block the event loop (`execFileSync`) while a client talks to them.
 */
export class GitServers {
  private constructor(
    private readonly dir: string,
    /** The address in URLs. */
    readonly host: string,
    readonly repositories: Repositories,
    readonly ssh: SshGitServer,
    readonly https: HttpsGitServer,
    /** The certificate to trust, PEM: for `GIT_SSL_CAINFO`, `EXTRA_CA_CERTS`. */
    readonly caFile: string,
    /** What private repositories and pushes over HTTPS ask for. */
    readonly credentials: Credentials,
  ) {}

  /** @internal by {@link startGitServers} */
  static async start(options: GitServersOptions): Promise<GitServers> {
    const dir = await mkdtemp(join(tmpdir(), 'devforge-git-'));
    let ssh: SshGitServer | undefined;
    try {
      const [root, keys, tls] = ['repositories', 'ssh', 'tls'].map((name) => join(dir, name)) as [
        string,
        string,
        string,
      ];
      await Promise.all([root, keys, tls].map((folder) => mkdir(folder)));
      const host = options.host ?? (await dockerBridgeAddress()) ?? '127.0.0.1';
      const hosts = ['localhost', host, ...(await localAddresses()), ...(options.certificateHosts ?? [])];
      const credentials = { username: 'git-user', password: randomBytes(12).toString('hex') };
      const repositories = new Repositories(root);
      ssh = await SshGitServer.start(keys, root);
      const authority = await TestAuthority.open(tls);
      const https = await HttpsGitServer.start(authority, repositories, credentials, hosts);
      return new GitServers(dir, host, repositories, ssh, https, authority.caFile, credentials);
    } catch (error) {
      await ssh?.close();
      await rm(dir, { recursive: true, force: true });
      throw error;
    }
  }

  createRepository(name: string, seed: RepositorySeed = {}): Promise<void> {
    return this.repositories.create(name, seed);
  }

  /** The URL to clone; also of a repository that does not exist. */
  url(kind: 'ssh' | 'https', name: string, host = this.host): string {
    return kind === 'ssh'
      ? `ssh://${userInfo().username}@${host}:${this.ssh.port}/${name}.git`
      : `https://${host}:${this.https.port}/${name}.git`;
  }

  /** The commits of a branch in the server's own repository, newest first. */
  log(name: string, branch = 'main'): Promise<Commit[]> {
    return this.repositories.log(name, branch);
  }

  /** The next `count` HTTPS requests are answered 503. For SSH: `ssh.faults`. */
  failNext(count: number): void {
    this.https.faults.failNext(count);
  }

  /** Both servers accept and do not answer, until switched off. */
  hang(on: boolean): void {
    for (const { faults } of [this.https, this.ssh]) faults.hang(on);
  }

  /** Slows both servers down, each connection to this rate; 0 is full speed. */
  throttle(bytesPerSecond: number): void {
    for (const { faults } of [this.https, this.ssh]) faults.throttle(bytesPerSecond);
  }

  /** No fault any more, on both. */
  reset(): void {
    for (const { faults } of [this.https, this.ssh]) faults.reset();
  }

  /** Ends both servers and removes their files. */
  async close(): Promise<void> {
    await Promise.all([this.ssh.close(), this.https.close()]);
    await rm(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Starts both servers, empty; add repositories with {@link GitServers.createRepository}. */
export function startGitServers(options: GitServersOptions = {}): Promise<GitServers> {
  return GitServers.start(options);
}
