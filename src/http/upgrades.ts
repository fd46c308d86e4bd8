import type { IncomingMessage, Server } from 'node:http';

/** What Node.js reads from a server for each connection; `@types/node` has it among the options of the constructor only. */
interface ServerOptions extends Server {
  shouldUpgradeCallback: (request: IncomingMessage) => boolean;
  maxHeaderSize: number;
}

/** Sets the largest size of the headers of a request, in bytes. */
export function limitHeaders(server: Server, bytes: number): void {
  (server as ServerOptions).maxHeaderSize = bytes;
}

/**
 * Accepts an upgrade only to WebSocket, and only where WebSockets are served. Every other offer, such as `h2c` by curl and
 * by Java, is ignored as HTTP allows, and the request is answered in HTTP/1.1.
 */
export function limitUpgrades(server: Server, servesWebSockets: (request: IncomingMessage) => boolean): void {
  (server as ServerOptions).shouldUpgradeCallback = (request) =>
    request.method === 'GET' && offersWebSocket(request) && servesWebSockets(request);
}

function offersWebSocket({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket');
}
