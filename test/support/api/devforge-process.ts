import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { copyNewDatabase } from './database-template.js';
import { freePort } from './free-port.js';
import { type Exit, OwnedProcess } from './owned-process.js';
import { endLeftoverPostgres } from './postgres-leftover.js';
import { inheritedEnvironment } from './server-environment.js';
import { TEST_GATEWAY } from './test-gateway.js';

export interface DevForgeOptions {
  /** The built server; by default `DEVFORGE_ENTRY` of the environment, else `dist/main.js` of the project. */
  entry?: string;
  /** Options of Node itself; stack traces that point into the sources by default. */
  nodeOptions?: string[];
  /** A free one by default. */
  port?: number;
  /** Its working folder; a temporary one by default, so that no `.env` of a developer is read. */
  cwd?: string;
  /** Who makes the embedded database of a first start: copying one takes less time, and is the default. */
  newDatabase?: 'copied' | 'by the server';
  /** How long it may take until `/health/ready` answers 200. */
  readyTimeoutMs?: number;
}

/** Whether the server is the current one, with an embedded database that does not exist yet. */
function hasNewDatabase(env: Record<string, string>, { entry, newDatabase }: DevForgeOptions): boolean {
  const isCurrent = entry === undefined && process.env['DEVFORGE_ENTRY'] === undefined;
  return (
    isCurrent && newDatabase !== 'by the server' && env['DATABASE_URL'] === undefined && env['DATA_DIR'] === undefined
  );
}

const STOP_GRACE_MS = 15_000;
/** A bound for a server that hangs, far above what a start takes: initdb waits for the disk on a busy machine. */
const READY_TIMEOUT_MS = 120_000;
const PROBE_TIMEOUT_MS = 5_000;

/** The built server as a real process, with a port, a token and a data folder that it keeps over restarts. */
export class DevForgeProcess {
  private process: OwnedProcess | null = null;
  private earlierLogs = '';

  private constructor(
    readonly url: string,
    /** The administrator's bearer token. */
    readonly token: string,
    /** `DATA_DIR`; made by the server. */
    readonly dataDir: string,
    private readonly folder: string,
    private env: Record<string, string>,
    private options: DevForgeOptions,
  ) {}

  /** @internal by {@link startDevForge} */
  static async start(env: Record<string, string>, options: DevForgeOptions): Promise<DevForgeProcess> {
    const port = options.port ?? (await freePort());
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'devforge-server-')));
    // As root, PostgreSQL runs as a user of its own, who has to pass through here.
    await chmod(folder, 0o711);
    const token = env['DEVFORGE_TOKEN'] ?? randomBytes(24).toString('base64url');
    const dataDir = env['DATA_DIR'] ?? join(folder, 'data');
    const defaults = { NODE_ENV: 'test', LOG_LEVEL: 'info', HOST: '127.0.0.1', EGRESS_GATEWAY_NAME: TEST_GATEWAY };
    const all = { ...defaults, ...env };
    const fixed = { PORT: String(port), DEVFORGE_TOKEN: token, DATA_DIR: dataDir };
    const server = new DevForgeProcess(
      `http://127.0.0.1:${port}`,
      token,
      dataDir,
      folder,
      { ...all, ...fixed },
      options,
    );
    try {
      if (hasNewDatabase(env, options)) await copyNewDatabase(dataDir, DevForgeProcess.makeDatabase);
      await server.launch();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    return server;
  }

  /** @param use is called with the data folder of a server that has started once and was stopped */
  private static async makeDatabase(use: (dataDir: string) => Promise<void>): Promise<void> {
    const server = await DevForgeProcess.start({}, { newDatabase: 'by the server' });
    try {
      await server.stop();
      await use(server.dataDir);
    } finally {
      await server.dispose();
    }
  }

  /** Of the process that runs, or ran last. */
  get pid(): number {
    return this.process?.pid ?? 0;
  }

  /** Resolves when the process that runs, or ran last, has ended. */
  get exited(): Promise<Exit> {
    return this.process?.exited ?? Promise.resolve({ code: null, signal: null });
  }

  get isRunning(): boolean {
    return this.process !== null && !this.process.exit;
  }

  /** Everything it wrote, those before a restart included. */
  log(): string {
    return this.earlierLogs + (this.process?.output() ?? '');
  }

  /** Ends it without a word and waits. What it started, such as its database, is left as a crash would leave it. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.process?.signal(signal);
    await this.exited;
  }

  /** Freezes it with SIGSTOP, or lets it go on: a server that is there and does not answer. */
  freeze(on: boolean): void {
    this.process?.signal(on ? 'SIGSTOP' : 'SIGCONT');
  }

  /** SIGTERM, SIGKILL after 15 s, and no embedded database is left behind. The data stays. */
  async stop(): Promise<Exit> {
    this.freeze(false);
    const exit = (await this.process?.end('SIGTERM', STOP_GRACE_MS)) ?? { code: null, signal: null };
    await endLeftoverPostgres(this.dataDir);
    return exit;
  }

  /**
   * A new process on the same data folder and port; waits until it is ready. A server that still runs is stopped
   * first; after {@link kill} the new one meets what the crash left.
   *
   * @param env added to the environment it had, for this and later starts
   */
  async restart(env: Record<string, string> = {}): Promise<void> {
    if (this.isRunning) await this.stop();
    this.env = { ...this.env, ...env };
    await this.launch();
  }

  /** As {@link restart}, with another build of the server: `dist/main.js` of a release. */
  async restartFrom(entry: string): Promise<void> {
    this.options = { ...this.options, entry };
    await this.restart();
  }

  /** Ends everything and removes the data. Safe after a crash and when called twice. */
  async dispose(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  private async launch(): Promise<void> {
    const { entry = process.env['DEVFORGE_ENTRY'] ?? resolve('dist/main.js'), cwd = this.folder } = this.options;
    const { nodeOptions = ['--enable-source-maps'], readyTimeoutMs = READY_TIMEOUT_MS } = this.options;
    this.earlierLogs = this.log();
    this.process = OwnedProcess.start(process.execPath, [...nodeOptions, entry], {
      cwd,
      env: { ...inheritedEnvironment(), ...this.env },
    });
    await this.process.ready('DevForge', () => this.isReady(), readyTimeoutMs);
  }

  private async isReady(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS);
      const response = await fetch(`${this.url}/health/ready`, { signal });
      await response.body?.cancel();
      return response.status === 200;
    } catch {
      return false;
    }
  }
}

/**
 * Starts `dist/main.js` and waits until it is ready.
 *
 * @param env the settings of the test; nothing else is set but `HOST`, `PORT`, `DATA_DIR`, `DEVFORGE_TOKEN`,
 * `NODE_ENV` and `LOG_LEVEL`
 * @throws Error with the last lines of the log when it ends early or is not ready in time
 */
export function startDevForge(
  env: Record<string, string> = {},
  options: DevForgeOptions = {},
): Promise<DevForgeProcess> {
  return DevForgeProcess.start(env, options);
}
