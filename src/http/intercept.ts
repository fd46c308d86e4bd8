import type { IncomingMessage, Server } from 'node:http';

type Listener = (request: IncomingMessage, target: unknown, head?: Buffer) => void;

/** Adds a listener before all others of a server, which get only the events for which it returns false. */
export function intercept(
  server: Server,
  event: 'request' | 'upgrade',
  handle: (...args: Parameters<Listener>) => boolean,
): void {
  const others = server.listeners(event) as Listener[];
  server.removeAllListeners(event);
  server.on(event, (...args: Parameters<Listener>) => {
    if (handle(...args)) return;
    for (const other of others) other.apply(server, args);
  });
}
