import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listening } from '../../../test/support/api/listening.js';
import { ProgramProcess } from '../../workspace/programs/program-process.js';
import { DirectEndpoint } from './direct-endpoint.js';
import { ProgramStream } from '../../workspace/programs/program-stream.js';
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

type Get = (path: string, headers: { host: string }) => Promise<string>;
/** Makes an HTTP client of the tunnel's editor. */
type ClientFactory = () => { getWith: Get; end: () => unknown };

/** Starts the program as in a container. */
function runProgram(socket: string): { child: ChildProcess; program: ProgramProcess } {
  const child = spawn(process.execPath, [PROGRAM], { env: { DEVFORGE_EDITOR_SOCKET: socket } });
  const exit = once(child, 'exit').then(([code]) => Number(code));
  return {
    child,
    program: new ProgramProcess(
      {
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        exit,
        resize: async () => undefined,
        close: () => child.stdin.destroy(),
      },
      'devforge-tunnel',
    ),
  };
}

describe.each([
  ['over HTTP/2', undefined],
  ['over the direct endpoint', '127.0.0.1'],
])('Tunnel %s', (_, address) => {
  const echo = createTcpServer((socket) => socket.on('error', () => undefined).pipe(socket));
  const hosts: (string | undefined)[] = [];
  const editor = createServer((request, response) => {
    hosts.push(request.headers.host);
    response.end(`you asked for ${request.url}`);
  });
  let folder: string;
  let port: number;
  let child: ChildProcess;
  let tunnel: Tunnel;

  const agentClient: ClientFactory = () => {
    const agent = new TunnelAgent(() => tunnel.dial('editor'));
    const getWith: Get = (path, headers) =>
      new Promise((resolve, reject) =>
        get({ agent, path, headers }, (response) => resolve(text(response))).on('error', reject),
      );
    return { getWith, end: () => agent.destroy() };
  };
  const poolClient: ClientFactory = () => {
    const pool = tunnelPool(() => tunnel.dial('editor'));
    return {
      getWith: async (path, headers) => (await pool.request({ method: 'GET', path, headers })).body.text(),
      end: () => pool.destroy(),
    };
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tunnel-'));
    port = await listening(echo);
    await listening(editor, join(folder, 'editor.sock'));
    const program = runProgram(join(folder, 'editor.sock'));
    child = program.child;
    tunnel = await Tunnel.over(program.program, address);
  });

  afterEach(() => {
    hosts.length = 0;
  });

  afterAll(async () => {
    tunnel.close();
    if (child.exitCode === null) await once(child, 'exit');
    editor.close();
    echo.close();
    await rm(folder, { recursive: true });
  });

  it('carries bytes in both directions and the end of each direction', async () => {
    const socket = await tunnel.dial(port);
    const sent = randomBytes(4 * MIB);
    socket.end(sent);
    expect((await buffer(socket)).equals(sent)).toBe(true);
  });

  it('carries many connections at once', async () => {
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

  it('does not block other connections when one is not read', async () => {
    const stuck = await tunnel.dial(port);
    stuck.write(randomBytes(8 * MIB));
    const other = await tunnel.dial(port);
    other.end('still here');
    await expect(text(other)).resolves.toBe('still here');
    stuck.destroy();
  });

  it.each<[string, ClientFactory]>([
    ['an agent', agentClient],
    ['a pool', poolClient],
  ])('carries HTTP of %s, also after the server has closed its connections', async (_name, client) => {
    const { getWith, end } = client();
    const getPath = (path: string): Promise<string> => getWith(path, { host: 'web.localhost:3000' });
    await expect(getPath('/one')).resolves.toBe('you asked for /one');
    await expect(getPath('/two')).resolves.toBe('you asked for /two');
    editor.closeIdleConnections();
    await delay(100);
    await expect(getPath('/three')).resolves.toBe('you asked for /three');
    expect(hosts).toEqual(['web.localhost:3000', 'web.localhost:3000', 'web.localhost:3000']);
    await end();
  });

  it('rejects when nothing listens on the port', async () => {
    const free = createTcpServer();
    const unused = await listening(free);
    await new Promise((closed) => free.close(closed));
    await expect(tunnel.dial(unused)).rejects.toBeInstanceOf(ConnectionRefusedError);
    await expect(tunnel.dial(port)).resolves.toBeDefined();
  });

  it.each(['127.0.0.1', '::1'])('reaches a program that listens on %s alone', async (host) => {
    const server = createTcpServer((socket) => void socket.end(`on ${host}`));
    await once(server.listen(0, host), 'listening');
    const socket = await tunnel.dial((server.address() as AddressInfo).port);
    await expect(text(socket)).resolves.toBe(`on ${host}`);
    server.close();
  });

  it('ends the program and all connections when it is closed', async () => {
    const program = runProgram('/nowhere');
    const own = await Tunnel.over(program.program, address);
    const socket = await own.dial(port);
    const closed = new Promise<void>((resolve) => own.onClose(resolve));
    own.close();
    await Promise.all([closed, once(program.child, 'exit'), once(socket, 'close')]);
    expect(own.closed).toBe(true);
  });

  it('closes when the program ends', async () => {
    const program = runProgram('/nowhere');
    const own = await Tunnel.over(program.program, address);
    const closed = new Promise<void>((resolve) => own.onClose(resolve));
    program.child.kill('SIGKILL');
    await closed;
    await expect(own.dial(port)).rejects.toMatchObject({ code: expect.stringMatching(/^ERR_HTTP2/) });
  });

  it('rejects when the program does not speak HTTP/2', async () => {
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
    await expect(Tunnel.over(new ProgramProcess(process, 'devforge-tunnel'))).rejects.toMatchObject({
      message: expect.any(String),
    });
  });
});

describe('DirectEndpoint', () => {
  const echo = createTcpServer((socket) => socket.on('error', () => undefined).pipe(socket));
  let port: number;

  beforeAll(async () => {
    port = await listening(echo);
  });
  afterAll(() => void echo.close());

  /** Starts the program as in a container, and requests its direct endpoint. */
  async function withEndpoint(
    use: (endpoint: { port: number; key: string }, program: ProgramProcess) => Promise<void>,
  ): Promise<void> {
    const { program, child } = runProgram('/nowhere');
    const session = connect('http://tunnel', { createConnection: () => new ProgramStream(program) });
    const [headers] = await once(session.request({ ':path': '/door' }), 'response');
    await use({ port: Number(headers['x-port']), key: String(headers['x-key']) }, program);
    session.destroy();
    program.close();
    await once(child, 'exit');
  }
  const answer = async (endpointPort: number, handshake: string): Promise<string> => {
    const socket = connectTcp(endpointPort, '127.0.0.1');
    socket.write(handshake);
    return text(socket).catch((error: NodeJS.ErrnoException) => error.code ?? '');
  };

  it('answers only clients that know its key', async () => {
    await withEndpoint(async (endpoint) => {
      for (const handshake of [
        `${'0'.repeat(64)} ${port}\n`,
        `${endpoint.key.slice(1)} ${port}\n`,
        `${endpoint.key}x ${port}\n`,
        '\n',
        'GET / HTTP/1.1\r\n\r\n',
        'x'.repeat(1_000),
      ]) {
        expect(['', 'ECONNRESET']).toContain(await answer(endpoint.port, handshake));
      }
      await expect(new DirectEndpoint('127.0.0.1', endpoint.port, 'another').isReachable(1_000)).resolves.toBe(false);
      await expect(new DirectEndpoint('127.0.0.1', endpoint.port, endpoint.key).isReachable(1_000)).resolves.toBe(true);
      const socket = await new DirectEndpoint('127.0.0.1', endpoint.port, endpoint.key).dial(port);
      socket.end('hello');
      await expect(text(socket)).resolves.toBe('hello');
    });
  });

  it('delivers everything written before the end, also to a slow reader', async () => {
    const sent = randomBytes(8 * MIB);
    const speaker = createTcpServer((socket) => void socket.end(sent));
    const at = await listening(speaker);
    await withEndpoint(async (endpoint) => {
      const socket = await new DirectEndpoint('127.0.0.1', endpoint.port, endpoint.key).dial(at);
      await delay(300);
      expect((await buffer(socket)).equals(sent)).toBe(true);
    });
    speaker.close();
  });

  it('is not used when it cannot be reached', async () => {
    const { program } = runProgram('/nowhere');
    const tunnel = await Tunnel.over(program, '192.0.2.1');
    const socket = await tunnel.dial(port);
    socket.end('over HTTP/2');
    await expect(text(socket)).resolves.toBe('over HTTP/2');
    tunnel.close();
  });
});

describe('the direct endpoint in the editor', () => {
  /** Responds with how the request arrived, and what the preloaded module has left in the process. */
  const SERVER = `require('node:http').createServer((request, response) => {
    const { DEVFORGE_EDITOR_SOCKET: inherited = null } = process.env;
    response.end(JSON.stringify({ over: request.socket.remoteAddress ?? 'its socket', execArgv: process.execArgv, inherited, process: process.pid }));
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
  async function requestEditor(): Promise<Record<string, unknown>> {
    const pool = tunnelPool(() => tunnel.dial('editor'));
    try {
      return (await (await pool.request({ method: 'GET', path: '/' })).body.json()) as Record<string, unknown>;
    } finally {
      await pool.destroy();
    }
  }
  /** The endpoint is opened by the first request, which is that of `devforge-editor start` in a container. */
  const endpointOpens = async (): Promise<void> => {
    await requestEditor();
    while ((await requestEditor())['over'] !== '127.0.0.1') await delay(20);
  };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tunnel-'));
    socket = join(folder, 'editor.sock');
    await startEditor();
    program = runProgram(socket);
    tunnel = await Tunnel.over(program.program, '127.0.0.1');
  });
  afterEach(async () => {
    tunnel.close();
    if (program.child.exitCode === null) await once(program.child, 'exit');
    await stopEditor();
    await rm(folder, { recursive: true });
  });

  it('leads to its server and leaves nothing in the environment of its processes', async () => {
    await endpointOpens();
    expect(await requestEditor()).toEqual({
      over: '127.0.0.1',
      execArgv: ['-e', SERVER],
      inherited: null,
      process: editor.pid,
    });
  });

  it('carries upgrades', async () => {
    await endpointOpens();
    const agent = new TunnelAgent(() => tunnel.dial('editor'));
    const request = get({ agent, path: '/', headers: { connection: 'upgrade', upgrade: 'x' } });
    const [, upgraded, head] = (await once(request, 'upgrade')) as [unknown, Duplex, Buffer];
    expect(head.toString('latin1') + (await text(upgraded))).toBe('hello');
    agent.destroy();
  });

  it('has a key that only users of the socket can read', async () => {
    await endpointOpens();
    expect((await stat(`${socket}.door`)).mode & 0o777).toBe(0o600);
    const { port } = JSON.parse(await readFile(`${socket}.door`, 'utf8')) as { port: number };
    await expect(new DirectEndpoint('127.0.0.1', port, '0'.repeat(64)).isReachable(1_000)).resolves.toBe(false);
  });

  it('is found again after the editor has been restarted', async () => {
    await endpointOpens();
    const before = editor.pid;
    await stopEditor();
    await expect(requestEditor()).rejects.toBeInstanceOf(ConnectionRefusedError);
    await startEditor();
    await endpointOpens();
    expect((await requestEditor())['process']).not.toBe(before);
  });
});
