import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { connect } from 'node:http2';
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listening } from '../../../test/support/api/listening.js';
import type { WorkspaceProcess } from '../../drivers/workspace-process.js';
import { DirectEndpoint } from './direct-endpoint.js';
import { ProcessStream } from './process-stream.js';
import { Tunnel } from './tunnel.js';
import { TunnelAgent, tunnelPool } from './tunnel-clients.js';
import { ConnectionRefusedError } from './tunnel-target.js';

const PROGRAM = fileURLToPath(
  new URL('../../../images/workspace/rootfs/usr/local/bin/devforge-tunnel', import.meta.url),
);
const PRELOAD = fileURLToPath(
  new URL('../../../images/workspace/rootfs/usr/local/lib/devforge/editor/preload.mjs', import.meta.url),
);
const MIB = 1024 * 1024;

type Ask = (path: string, headers: { host: string }) => Promise<string>;
/** A client of a tunnel's editor. */
type Over = () => { ask: Ask; end: () => unknown };

/** The program as a container would run it. */
function runProgram(socket: string): { child: ChildProcess; process: WorkspaceProcess } {
  const child = spawn(process.execPath, [PROGRAM], { env: { DEVFORGE_EDITOR_SOCKET: socket } });
  const exit = once(child, 'exit').then(([code]) => Number(code));
  return {
    child,
    process: {
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exit,
      resize: async () => undefined,
      close: () => child.stdin.destroy(),
    },
  };
}

describe.each([
  ['through the program itself', undefined],
  ['through its door', '127.0.0.1'],
])('Tunnel %s', (_, address) => {
  const echo = createTcpServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const asked: (string | undefined)[] = [];
  const editor = createServer((request, response) => {
    asked.push(request.headers.host);
    response.end(`you asked for ${request.url}`);
  });
  let folder: string;
  let port: number;
  let child: ChildProcess;
  let tunnel: Tunnel;

  const overAgent: Over = () => {
    const agent = new TunnelAgent(() => tunnel.dial('editor'));
    const ask: Ask = (path, headers) =>
      new Promise((resolve, reject) =>
        get({ agent, path, headers }, (response) => resolve(text(response))).on('error', reject),
      );
    return { ask, end: () => agent.destroy() };
  };
  const overPool: Over = () => {
    const pool = tunnelPool(() => tunnel.dial('editor'));
    return {
      ask: async (path, headers) => (await pool.request({ method: 'GET', path, headers })).body.text(),
      end: () => pool.destroy(),
    };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tunnel-'));
    port = await listening(echo);
    await listening(editor, join(folder, 'editor.sock'));
    const program = runProgram(join(folder, 'editor.sock'));
    child = program.child;
    tunnel = await Tunnel.over(program.process, address);
  });

  afterEach(() => {
    asked.length = 0;
  });

  afterAll(async () => {
    tunnel.close();
    if (child.exitCode === null) await once(child, 'exit');
    editor.close();
    echo.close();
    await rm(folder, { recursive: true });
  });

  it('carries bytes to a port and back, and each end', async () => {
    const socket = await tunnel.dial(port);
    const sent = randomBytes(4 * MIB);
    socket.end(sent);
    expect((await buffer(socket)).equals(sent)).toBe(true);
  });

  it('carries many connections at once, each its own', async () => {
    const words = Array.from({ length: 50 }, (_, index) => `connection ${index}`);
    const heard = await Promise.all(
      words.map(async (word) => {
        const socket = await tunnel.dial(port);
        socket.end(word);
        return text(socket);
      }),
    );
    expect(heard).toEqual(words);
  });

  it('holds back one that nobody reads, and none of the others', async () => {
    const stuck = await tunnel.dial(port);
    stuck.write(randomBytes(8 * MIB));
    const other = await tunnel.dial(port);
    other.end('still here');
    await expect(text(other)).resolves.toBe('still here');
    stuck.destroy();
  });

  it.each<[string, Over]>([
    ['an agent', overAgent],
    ['a pool', overPool],
  ])('serves HTTP to %s, also after the server closed its connections', async (_name, over) => {
    const { ask: askWith, end } = over();
    const ask = (path: string): Promise<string> => askWith(path, { host: 'web.localhost:3000' });
    await expect(ask('/one')).resolves.toBe('you asked for /one');
    await expect(ask('/two')).resolves.toBe('you asked for /two');
    editor.closeIdleConnections();
    await delay(100);
    await expect(ask('/three')).resolves.toBe('you asked for /three');
    expect(asked).toEqual(['web.localhost:3000', 'web.localhost:3000', 'web.localhost:3000']);
    await end();
  });

  it('says that nothing listens', async () => {
    const free = createTcpServer();
    const unused = await listening(free);
    await new Promise((closed) => free.close(closed));
    await expect(tunnel.dial(unused)).rejects.toBeInstanceOf(ConnectionRefusedError);
    await expect(tunnel.dial(port)).resolves.toBeDefined();
  });

  it('ends the program, and every connection, when it is closed', async () => {
    const program = runProgram('/nowhere');
    const own = await Tunnel.over(program.process, address);
    const socket = await own.dial(port);
    const closed = new Promise<void>((resolve) => own.onClose(resolve));
    own.close();
    await Promise.all([closed, once(program.child, 'exit'), once(socket, 'close')]);
    expect(own.closed).toBe(true);
  });

  it('learns that the program is gone', async () => {
    const program = runProgram('/nowhere');
    const own = await Tunnel.over(program.process, address);
    const closed = new Promise<void>((resolve) => own.onClose(resolve));
    program.child.kill('SIGKILL');
    await closed;
    await expect(own.dial(port)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_HTTP2/) });
  });

  it('gives up on a program that says something else', async () => {
    const program = spawn('sh', ['-c', 'echo this is no such program; cat > /dev/null']);
    const never = new Promise<number>(() => undefined);
    const process = {
      stdin: program.stdin,
      stdout: program.stdout,
      stderr: program.stderr,
      exit: never,
      resize: async () => undefined,
      close: () => program.kill(),
    };
    await expect(Tunnel.over(process)).rejects.toMatchObject({ message: expect.any(String) });
  });
});

describe('a door', () => {
  const echo = createTcpServer((socket) => socket.on('error', () => undefined).pipe(socket));
  let port: number;

  beforeAll(async () => {
    port = await listening(echo);
  });
  afterAll(() => void echo.close());

  /** As a container runs the program, and what it tells of its door. */
  async function withDoor(
    use: (door: { port: number; key: string }, process: WorkspaceProcess) => Promise<void>,
  ): Promise<void> {
    const { process, child } = runProgram('/nowhere');
    const session = connect('http://tunnel', { createConnection: () => new ProcessStream(process) });
    const [headers] = await once(session.request({ ':path': '/door' }), 'response');
    await use({ port: Number(headers['x-port']), key: String(headers['x-key']) }, process);
    session.destroy();
    process.close();
    await once(child, 'exit');
  }
  const answer = async (doorPort: number, greeting: string): Promise<string> => {
    const socket = connectTcp(doorPort, '127.0.0.1');
    socket.write(greeting);
    return text(socket).catch((error: NodeJS.ErrnoException) => error.code ?? '');
  };

  it('opens to its key alone, and says nothing to others', async () => {
    await withDoor(async (door) => {
      for (const greeting of [
        `${'0'.repeat(64)} ${port}\n`,
        `${door.key.slice(1)} ${port}\n`,
        `${door.key}x ${port}\n`,
        '\n',
        'GET / HTTP/1.1\r\n\r\n',
        'x'.repeat(1_000),
      ]) {
        expect(['', 'ECONNRESET']).toContain(await answer(door.port, greeting));
      }
      await expect(new DirectEndpoint('127.0.0.1', door.port, 'another').isReachable(1_000)).resolves.toBe(false);
      await expect(new DirectEndpoint('127.0.0.1', door.port, door.key).isReachable(1_000)).resolves.toBe(true);
      const socket = await new DirectEndpoint('127.0.0.1', door.port, door.key).dial(port);
      socket.end('hello');
      await expect(text(socket)).resolves.toBe('hello');
    });
  });

  it('gives all that was written before the end, however slowly it is read', async () => {
    const sent = randomBytes(8 * MIB);
    const speaker = createTcpServer((socket) => void socket.end(sent));
    const at = await listening(speaker);
    await withDoor(async (door) => {
      const socket = await new DirectEndpoint('127.0.0.1', door.port, door.key).dial(at);
      await delay(300);
      expect((await buffer(socket)).equals(sent)).toBe(true);
    });
    speaker.close();
  });

  it('is done without where it cannot be reached', async () => {
    const { process } = runProgram('/nowhere');
    const tunnel = await Tunnel.over(process, '192.0.2.1');
    const socket = await tunnel.dial(port);
    socket.end('the long way');
    await expect(text(socket)).resolves.toBe('the long way');
    tunnel.close();
  });
});

describe("the editor's own door", () => {
  /** Tells of every request how it came, and what of the door is left in its process. */
  const SERVER = `require('node:http').createServer((request, response) => {
    const { DEVFORGE_EDITOR_SOCKET: left = null } = process.env;
    response.end(JSON.stringify({ over: request.socket.remoteAddress ?? 'its socket', execArgv: process.execArgv, left, process: process.pid }));
  }).on('upgrade', (request, socket) => socket.end('HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: x\\r\\n\\r\\nhello')).listen(process.env.AT, () => console.log('listening'));`;
  let folder: string;
  let socket: string;
  let editor: ChildProcess;
  let tunnel: Tunnel;
  let program: ReturnType<typeof runProgram>;

  async function startEditor(): Promise<void> {
    await rm(socket, { force: true });
    editor = spawn(process.execPath, [`--import=${PRELOAD}`, '-e', SERVER], {
      env: { DEVFORGE_EDITOR_SOCKET: socket, AT: socket, CODE_SERVER_PARENT_PID: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(editor.stdout!, 'data');
  }
  async function stopEditor(): Promise<void> {
    editor.kill('SIGKILL');
    await once(editor, 'exit');
  }
  async function asks(): Promise<Record<string, unknown>> {
    const pool = tunnelPool(() => tunnel.dial('editor'));
    try {
      return (await (await pool.request({ method: 'GET', path: '/' })).body.json()) as Record<string, unknown>;
    } finally {
      await pool.destroy();
    }
  }
  /** The first request shows the editor its server, and opens the door; that is `devforge-editor start`, in a container. */
  const doorOpens = async (): Promise<void> => {
    await asks();
    while ((await asks())['over'] !== '127.0.0.1') await delay(20);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tunnel-'));
    socket = join(folder, 'editor.sock');
    await startEditor();
    program = runProgram(socket);
    tunnel = await Tunnel.over(program.process, '127.0.0.1');
  });
  afterEach(async () => {
    tunnel.close();
    if (program.child.exitCode === null) await once(program.child, 'exit');
    await stopEditor();
    await rm(folder, { recursive: true });
  });

  it('leads into its server, and leaves nothing to what starts from there', async () => {
    await doorOpens();
    expect(await asks()).toEqual({ over: '127.0.0.1', execArgv: ['-e', SERVER], left: null, process: editor.pid });
  });

  it('carries upgrades', async () => {
    await doorOpens();
    const agent = new TunnelAgent(() => tunnel.dial('editor'));
    const request = get({ agent, path: '/', headers: { connection: 'upgrade', upgrade: 'x' } });
    const [, upgraded, head] = (await once(request, 'upgrade')) as [unknown, Duplex, Buffer];
    expect(head.toString('latin1') + (await text(upgraded))).toBe('hello');
    agent.destroy();
  });

  it('is for those who may use its socket', async () => {
    await doorOpens();
    expect((await stat(`${socket}.door`)).mode & 0o777).toBe(0o600);
    const { port } = JSON.parse(await readFile(`${socket}.door`, 'utf8')) as { port: number };
    await expect(new DirectEndpoint('127.0.0.1', port, '0'.repeat(64)).isReachable(1_000)).resolves.toBe(false);
  });

  it('is found again once the editor has started anew', async () => {
    await doorOpens();
    const before = editor.pid;
    await stopEditor();
    await expect(asks()).rejects.toBeInstanceOf(ConnectionRefusedError);
    await startEditor();
    await doorOpens();
    expect((await asks())['process']).not.toBe(before);
  });
});
