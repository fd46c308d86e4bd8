import type { DevForgeOptions } from '../api/devforge-process.js';
import type { CreateContainer } from '../api/types.js';
import { ensureImages } from '../e2e/images.js';
import { uniqueName } from '../e2e/names.js';
import { startTestServer, type TestServer } from '../e2e/server.js';
import type { GitServers } from '../git/git-servers.js';
import { EngineProxy } from '../engine-proxy/engine-proxy.js';

/** A server under test that reaches the engine through a proxy. */
export interface FaultServer extends TestServer {
  readonly proxy: EngineProxy;
}

/** Starts a server and lets it build the image of the tests when it is missing. */
export async function startFaultServer(
  env: Record<string, string> = {},
  options: DevForgeOptions = {},
): Promise<FaultServer> {
  const proxy = await EngineProxy.start();
  try {
    const server = await startTestServer({ ...proxy.env, ...env }, options);
    const dispose = async (): Promise<void> => {
      proxy.reset();
      await server.dispose();
      await proxy.close();
    };
    try {
      await ensureImages(server, 'claude');
    } catch (error) {
      await dispose();
      throw error;
    }
    return { ...server, proxy, dispose };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}

/** Kills the server with SIGKILL. Its requests that the proxy holds never reach the engine. */
export async function crash({ devforge, proxy }: Pick<FaultServer, 'devforge' | 'proxy'>): Promise<void> {
  await devforge.kill();
  proxy.reset();
}

/** A small container without a repository. */
export function small(extra: Partial<CreateContainer> = {}): CreateContainer {
  return { name: uniqueName('fault'), template: 'claude', cpuLimit: 0.5, memoryLimit: 256, ...extra };
}

/** A small container that clones a public repository over HTTPS. */
export function cloning(git: GitServers, repository = 'open'): CreateContainer {
  return small({ repoType: 'clone', repoUrl: git.url('https', repository) });
}
