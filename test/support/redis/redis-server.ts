import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../api/free-port.js';
import { OwnedProcess } from '../api/owned-process.js';
import { requireTool } from '../api/tool.js';

/** A real Redis on loopback, without persistence: its data is lost after `kill` or `restart`. */
export interface RedisServer {
  /** `redis://127.0.0.1:<port>`; does not change after a restart. */
  readonly url: string;
  readonly port: number;
  /** Freezes the process: the kernel accepts connections, which are never answered. */
  pause(): void;
  resume(): void;
  /** Kills the process and waits for its end. Connections are refused afterwards. */
  kill(): Promise<void>;
  /** Replaces the server by a new, empty one on the same port. */
  restart(): Promise<void>;
  /** Ends the server and removes its folder. May be called more than once. */
  stop(): Promise<void>;
}

const READY_MS = 5_000;
const ATTEMPTS = 3;

/**
 * Starts `redis-server` on a loopback port in a temporary folder.
 *
 * @param wantedPort a free port by default
 * @throws Error that names the Debian package when `redis-server` is not installed
 */
export async function startRedis(wantedPort?: number): Promise<RedisServer> {
  const binary = requireTool('redis-server', 'redis-server');
  const dir = await mkdtemp(join(tmpdir(), 'devforge-redis-'));
  try {
    const { port, process } = await firstStart(binary, dir, wantedPort);
    return handle(binary, dir, port, process);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function firstStart(
  binary: string,
  dir: string,
  wantedPort?: number,
): Promise<{ port: number; process: OwnedProcess }> {
  for (let attempt = 1; ; attempt += 1) {
    const port = wantedPort ?? (await freePort());
    try {
      return { port, process: await launch(binary, dir, port) };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

function handle(binary: string, dir: string, port: number, first: OwnedProcess): RedisServer {
  let current = first;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    current.signal('SIGCONT');
    await current.end(signal);
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pause: () => current.signal('SIGSTOP'),
    resume: () => current.signal('SIGCONT'),
    kill: async () => void (await current.end('SIGKILL')),
    restart: async () => {
      await end('SIGTERM');
      current = await launch(binary, dir, port);
    },
    stop: async () => {
      await end('SIGTERM');
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function launch(binary: string, dir: string, port: number): Promise<OwnedProcess> {
  const settings = {
    port: String(port),
    bind: '127.0.0.1',
    dir,
    save: '',
    appendonly: 'no',
    daemonize: 'no',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const process = OwnedProcess.start(binary, args, { cwd: dir, env: { LANG: 'C.UTF-8' } });
  try {
    await process.ready('redis-server', () => ping(port), READY_MS);
  } catch (error) {
    await process.end('SIGKILL');
    throw error;
  }
  return process;
}

/** Whether a Redis answers `PING` on this loopback port within `timeoutMs`. Never rejects. */
export function ping(port: number, timeoutMs = 500): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('PING\r\n'));
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(timeoutMs, () => done(false));
    socket.once('error', () => done(false));
    socket.once('close', () => done(false));
    socket.once('data', (data) => done(data.toString().startsWith('+PONG')));
  });
}
