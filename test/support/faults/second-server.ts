import { type DevForgeProcess, startDevForge } from '../api/devforge-process.js';
import type { TestServer } from '../e2e/server.js';
import { TrackingClient } from '../e2e/tracking-client.js';
import { EngineProxy } from '../engine-proxy/engine-proxy.js';

/** Another process on the same data folder, with its own port and its own engine proxy. */
export interface SecondServer {
  readonly devforge: DevForgeProcess;
  readonly api: TrackingClient;
  readonly proxy: EngineProxy;
  /** Stops it; the first server and their database keep running. */
  end(): Promise<void>;
  /** To be called after the first server is disposed of. */
  dispose(): Promise<void>;
}

export async function startSecondServer(first: Pick<TestServer, 'devforge' | 'env'>): Promise<SecondServer> {
  const proxy = await EngineProxy.start();
  const { dataDir, token } = first.devforge;
  try {
    const devforge = await startDevForge({ ...first.env, ...proxy.env, DATA_DIR: dataDir, DEVFORGE_TOKEN: token });
    const end = async (): Promise<void> => {
      devforge.freeze(false);
      await devforge.kill('SIGTERM');
    };
    const dispose = async (): Promise<void> => {
      await devforge.dispose();
      await proxy.close();
    };
    return { devforge, api: new TrackingClient(devforge.url, token), proxy, end, dispose };
  } catch (error) {
    await proxy.close();
    throw error;
  }
}
