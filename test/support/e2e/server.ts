import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type DevForgeOptions, type DevForgeProcess, startDevForge } from '../api/devforge-process.js';
import { Engine } from '../api/engine.js';
import { type GitServers, startGitServers } from '../git/git-servers.js';
import { createSshKey, type SshKey } from '../git/ssh-key.js';
import { testBundle } from './bundle.js';
import { TrackingClient } from './tracking-client.js';

/** Servers under test start often, and compiling the same modules is a good part of a start. */
const COMPILE_CACHE = resolve('node_modules/.cache/devforge-tests');

/** Suites make more containers in a minute than a client is expected to. */
const MANY_CREATES = '10000';

/** A server under test with what its clients need. */
export interface TestServer {
  readonly devforge: DevForgeProcess;
  /** Signed in as the administrator. */
  readonly api: TrackingClient;
  readonly engine: Engine;
  /** Its `SSH_KEYS_DIR`. */
  readonly keysDir: string;
  /** A key in {@link keysDir}, without a passphrase: `sshKeyPath: key.privateKeyPath`. */
  readonly key: SshKey;
  /** The settings it was given, for another process beside it. */
  readonly env: Record<string, string>;
  /** Ends it and takes everything away that its containers left at the engine. May be called twice. */
  dispose(): Promise<void>;
}

/**
 * The built server with a key folder of its own and `EXTRA_CA_CERTS`, so that its containers trust the test git
 * servers. Its containers are removed on `dispose`, whatever state the test left them or the server in.
 *
 * @param env settings of the test, over those that it gets anyway
 */
export async function startTestServer(
  env: Record<string, string> = {},
  options: DevForgeOptions = {},
): Promise<TestServer> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'devforge-e2e-')));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const keysDir = join(folder, 'keys');
    const bundle = join(folder, 'ca-bundle.pem');
    const [key] = await Promise.all([createSshKey(keysDir), writeFile(bundle, await testBundle())]);
    const settings = {
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      SSH_KEYS_DIR: keysDir,
      EXTRA_CA_CERTS: bundle,
      RATE_LIMIT_CREATES: MANY_CREATES,
      ...env,
    };
    const devforge = await startDevForge(settings, options);
    const api = new TrackingClient(devforge.url, devforge.token);
    const engine = new Engine();
    const dispose = async (): Promise<void> => {
      await devforge.dispose();
      for (const id of api.accepted) await engine.removeLabelled(id);
      await remove();
    };
    return { devforge, api, engine, keysDir, key, env: settings, dispose };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * Git servers that let the server's key in, with two repositories: `open` (public; four commits on `main`, a branch
 * `dev` with the file `dev.txt`) and `secret` (private over HTTPS; over SSH every repository asks for a key).
 */
export async function gitFixture(server: Pick<TestServer, 'key'>): Promise<GitServers> {
  const git = await startGitServers();
  try {
    await git.ssh.authorize(server.key.publicKey);
    await git.createRepository('open', {
      files: { 'README.md': 'hello\n' },
      commits: 3,
      branches: { dev: { 'dev.txt': 'dev\n' } },
    });
    await git.createRepository('secret', { private: true, files: { 'secret.txt': 'kept\n' } });
    return git;
  } catch (error) {
    await git.close();
    throw error;
  }
}
