import { once } from 'node:events';
import type { Server } from 'node:net';

/** Has a server listen. @param where a port of loopback, by default a free one, or the path of a Unix socket @returns the port, 0 for a path */
export async function listening(server: Server, where: string | number = 0): Promise<number> {
  if (typeof where === 'number') server.listen(where, '127.0.0.1');
  else server.listen(where);
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' ? (address?.port ?? 0) : 0;
}
