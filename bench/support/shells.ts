import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { SocketClient } from '../../test/support/sockets/socket-client.js';

const SIZE = { cols: 80, rows: 24 };
const MAX_WANTED_CHARACTERS = 100;
const TIMEOUT_MS = 120_000;

/** A shell on a terminal. */
export interface Shell {
  readonly name: string;
  type(data: string): void;
  /** Resolves when the output since the last call has `wanted`. @returns that output */
  until(wanted: string): Promise<string>;
  close(): Promise<void>;
}

/** Output of a shell, in which a text can be waited for. */
class ShellOutput {
  private chunks: string[] = [];
  private tail = '';
  private waiting: { wanted: string; found: (text: string) => void } | undefined;

  push(chunk: string): void {
    this.chunks.push(chunk);
    // The text may arrive in two chunks.
    this.tail = (this.tail + chunk).slice(-chunk.length - MAX_WANTED_CHARACTERS);
    this.look();
  }

  until(wanted: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new Error(`No ${JSON.stringify(wanted)} within ${TIMEOUT_MS} ms; the last: ${JSON.stringify(this.tail)}`),
          ),
        TIMEOUT_MS,
      );
      this.waiting = {
        wanted,
        found: (text) => {
          clearTimeout(timer);
          resolve(text);
        },
      };
      this.look();
    });
  }

  private look(): void {
    if (this.waiting === undefined || !this.tail.includes(this.waiting.wanted)) return;
    const { wanted, found } = this.waiting;
    const text = this.chunks.join('');
    const end = text.lastIndexOf(wanted) + wanted.length;
    this.waiting = undefined;
    this.chunks = [text.slice(end)];
    this.tail = text.slice(end).slice(-MAX_WANTED_CHARACTERS);
    found(text.slice(0, end));
  }
}

/** What `docker exec -it` does: a terminal of the engine's own, on a hijacked connection. */
export async function execShell(docker: Docker, dockerId: string): Promise<Shell> {
  const exec = await docker.getContainer(dockerId).exec({
    Cmd: ['/bin/bash', '-l'],
    Env: ['TERM=xterm-256color'],
    Tty: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream: Duplex = await exec.start({ hijack: true, stdin: true, Tty: true });
  await exec.resize({ w: SIZE.cols, h: SIZE.rows });
  const output = new ShellOutput();
  stream.setEncoding('utf8').on('data', (chunk: string) => output.push(chunk));
  return {
    name: 'docker exec -it',
    type: (data) => void stream.write(data),
    until: (wanted) => output.until(wanted),
    close: async () => {
      stream.end('exit\r');
    },
  };
}

/** A terminal of DevForge over Socket.io. */
export async function terminalShell(client: SocketClient, containerId: string): Promise<Shell> {
  const { socket } = client;
  const output = new ShellOutput();
  socket.on('terminal:output', ({ data }) => output.push(data));
  const answer = (await client.ask('terminal:open', { containerId, ...SIZE })) as { ok: boolean; terminalId: string };
  if (!answer.ok) throw new Error(`The terminal was not opened: ${JSON.stringify(answer)}`);
  const { terminalId } = answer;
  return {
    name: 'terminal',
    type: (data) => void socket.emit('terminal:input', { terminalId, data }),
    until: (wanted) => output.until(wanted),
    close: async () => {
      await client.ask('terminal:close', { terminalId });
    },
  };
}
