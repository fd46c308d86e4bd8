import { type DevForgeProcess, startDevForge } from '../api/devforge-process.js';
import type { TestServer } from '../e2e/server.js';
import { TrackingClient } from '../e2e/tracking-client.js';
import { EngineGate } from './engine-gate.js';

/** Another process on the same data folder, with a port and a way to the engine of its own. */
export interface SecondServer {
  readonly devforge: DevForgeProcess;
  readonly api: TrackingClient;
  readonly gate: EngineGate;
  /** Ends it; the first one and their database go on. */
  end(): Promise<void>;
  /** To be called once the first one is disposed of. */
  dispose(): Promise<void>;
}

export async function startSecondServer(first: Pick<TestServer, 'devforge' | 'env'>): Promise<SecondServer> {
  const gate = await EngineGate.start();
  const { dataDir, token } = first.devforge;
  try {
    const devforge = await startDevForge({ ...first.env, ...gate.env, DATA_DIR: dataDir, DEVFORGE_TOKEN: token });
    const end = async (): Promise<void> => {
      devforge.freeze(false);
      await devforge.kill('SIGTERM');
    };
    const dispose = async (): Promise<void> => {
      await devforge.dispose();
      await gate.close();
    };
    return { devforge, api: new TrackingClient(devforge.url, token), gate, end, dispose };
  } catch (error) {
    await gate.close();
    throw error;
  }
}
