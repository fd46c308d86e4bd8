import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { DevForgeProcess } from '../../../test/support/api/devforge-process.js';
import { SocketClient } from '../../../test/support/sockets/socket-client.js';
import type { LineCount } from './line-count.js';

const NEWLINE = 0x0a;
const ZERO = 0x30;

export interface Follower {
  /** Number of lines that the server reported as dropped. */
  readonly notices: string[];
  /** The process that brings the lines here. */
  readonly pid: number;
  stop(): Promise<void>;
}

/** The yardstick: Docker's own client, from the present end of the log. */
export async function followWithDocker(dockerId: string, socketPath: string, count: LineCount): Promise<Follower> {
  const child = spawn('docker', ['--host', `unix://${socketPath}`, 'logs', '--follow', '--tail', '0', dockerId], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let number = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) {
      if (byte === NEWLINE) {
        count.take(number);
        number = 0;
      } else {
        number = number * 10 + byte - ZERO;
      }
    }
    count.arrived();
  });
  await once(child, 'spawn');
  const stop = async (): Promise<void> => {
    child.kill();
    await once(child, 'exit');
  };
  return { notices: [], pid: child.pid!, stop };
}

/** Our side: one subscription over Socket.io, from the present end of the log. */
export async function followWithSocket(
  { url, token, pid }: DevForgeProcess,
  containerId: string,
  count: LineCount,
): Promise<Follower> {
  const { socket } = await SocketClient.connect(url, { token });
  // What the test's client keeps of every event would grow without end.
  socket.offAny();
  const notices: string[] = [];
  socket.on('logs:dropped', (loss) => notices.push(`dropped ${loss.count}`));
  socket.on('logs:error', ({ error }) => notices.push(error.message));
  socket.on('logs:end', ({ reason }) => notices.push(reason));
  socket.on('disconnect', (reason) => notices.push(reason));
  socket.on('logs:update', ({ lines }) => {
    for (const { message } of lines) count.take(Number(message));
    count.arrived();
  });
  const begun = once(socket as never, 'logs:initial');
  const answer = await socket.timeout(10_000).emitWithAck('subscribe:logs', { containerId, tail: 0 });
  if (!answer.ok) throw new Error(answer.error.message);
  await begun;
  const stop = async (): Promise<void> => {
    socket.off('disconnect');
    socket.close();
  };
  return { notices, pid, stop };
}

/** A client that subscribes and then reads nothing from its connection. */
export async function pausedReader({ url, token, pid }: DevForgeProcess, containerId: string): Promise<Follower> {
  const { socket } = await SocketClient.connect(url, { token });
  socket.offAny();
  const answer = await socket.timeout(10_000).emitWithAck('subscribe:logs', { containerId, tail: 0 });
  if (!answer.ok) throw new Error(answer.error.message);
  const { transport } = socket.io.engine as unknown as { transport: { ws: { pause(): void } } };
  transport.ws.pause();
  return { notices: [], pid, stop: async () => void socket.close() };
}
