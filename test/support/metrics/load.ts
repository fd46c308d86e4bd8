import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { ContainerSpec } from '../../../src/drivers/docker/engine/engine-client.js';

/** Server that sends half of the data that it receives back. */
export class HalfEcho {
  private readonly sockets = new Set<Socket>();

  private constructor(
    readonly address: string,
    private readonly server: Server,
  ) {}

  static async start(address: string): Promise<HalfEcho> {
    const server = createServer();
    const echo = new HalfEcho(address, server);
    server.on('connection', (socket) => {
      echo.sockets.add(socket);
      socket.on('data', (chunk) => socket.write(chunk.subarray(0, chunk.length / 2)));
      socket.on('error', () => socket.destroy());
      socket.on('close', () => echo.sockets.delete(socket));
    });
    server.listen(0, address);
    await once(server, 'listening');
    return echo;
  }

  get port(): number {
    const bound = this.server.address();
    if (bound === null || typeof bound === 'string') throw new Error('the server is not listening');
    return bound.port;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export const ANONYMOUS_MIB = 96;
export const CACHED_MIB = 128;

/**
 * Spec of a container that holds anonymous memory and page cache, keeps one core busy and exchanges data with the echo.
 * Needs bash and perl, which every Debian image has. It writes `ready` when the load has started.
 */
export function loadedContainer({
  address,
  port,
}: HalfEcho): Pick<ContainerSpec, 'entrypoint' | 'network' | 'cpuLimit' | 'memoryLimit'> {
  const script = `
    perl -e '$held = "x"; $held x= ${ANONYMOUS_MIB} << 20; sleep' &
    dd if=/dev/zero of=/var/tmp/cached bs=1M count=${CACHED_MIB} status=none
    exec 3<>/dev/tcp/${address}/${port}
    cat <&3 >/dev/null &
    while head -c 400000 /dev/zero; do sleep 0.1; done >&3 &
    sleep 1
    echo ready
    while :; do :; done`;
  return { entrypoint: ['bash', '-c', script], network: 'bridge', cpuLimit: 2, memoryLimit: 512 };
}
