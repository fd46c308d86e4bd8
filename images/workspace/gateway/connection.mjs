import { createServer } from 'node:http';
import { parseAuthority } from './addresses.mjs';
import { Refused, Unreachable } from './dial.mjs';
import { forwardHttp } from './forward-http.mjs';
import { withSecret } from './secret-routes.mjs';
import { serveSocks, SOCKS_VERSION } from './socks.mjs';
import { openTunnel, relay } from './tunnel.mjs';

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:http').ServerResponse} ServerResponse
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 */

/** A request that has come as a whole, as nearly all do; the parser of Node takes several times as long. */
const CONNECT = /^CONNECT ([^\s]+) HTTP\/1\.1\r\n(?:[\w-]+:[^\r\n\0]*\r\n)*\r\n/;
const MAX_CONNECT = 4_096;

/** @type {WeakMap<import('node:stream').Duplex, Workspace>} */
const workspaces = new WeakMap();

// A push may take longer than any limit.
const http = createServer({ requestTimeout: 0, keepAliveTimeout: 60_000, noDelay: true });
// A client that has sent everything still waits for the answer.
Object.assign(http, { httpAllowHalfOpen: true });

/**
 * Serves a connection of a workspace: HTTP or SOCKS5.
 * @param {Socket} socket
 * @param {Workspace} workspace
 */
export function serve(socket, workspace) {
  workspaces.set(socket, workspace);
  socket.once('data', (first) => {
    socket.pause();
    const [request = '', authority] = CONNECT.exec(first.toString('latin1', 0, MAX_CONNECT)) ?? [];
    if (authority !== undefined) return void tunnel(workspace, socket, authority, first.subarray(request.length));
    socket.unshift(first);
    if (first[0] === SOCKS_VERSION) void serveSocks(socket, workspace);
    else {
      http.emit('connection', socket);
      socket.resume();
    }
  });
}

http.on('connect', (request, socket, head) => {
  const workspace = workspaces.get(socket);
  const client = /** @type {Socket} */ (socket);
  client.on('error', () => client.destroy());
  if (workspace === undefined) return void client.destroy();
  void tunnel(workspace, client, request.url ?? '', head);
});

/**
 * @param {Workspace} workspace
 * @param {Socket} client
 * @param {string} authority
 * @param {Buffer} head what came after the request
 */
async function tunnel(workspace, client, authority, head) {
  const target = parseAuthority(authority);
  if (target === undefined) return refuseTunnel(client, 400, 'DevForge egress: CONNECT needs a host and a port.\n');
  try {
    const server = await openTunnel(workspace, target.host, target.port);
    if (client.destroyed) return server.destroy();
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    await relay(workspace, client, server, target, head);
  } catch (error) {
    const { status, message } = toAnswer(error, workspace);
    refuseTunnel(client, status, message);
  }
}

http.on('request', async (request, response) => {
  const workspace = workspaces.get(request.socket);
  if (workspace === undefined) return void request.socket.destroy();
  response.on('error', () => response.destroy());
  try {
    if (request.url?.startsWith('/')) await withSecret(workspace, request, response);
    else await forwardHttp(workspace, request, response);
  } catch (error) {
    if (request.socket.destroyed) return;
    const { status, message } = toAnswer(error, workspace);
    if (response.headersSent) return void response.destroy();
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' }).end(message);
  }
});

http.on('clientError', (_error, socket) => {
  if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
  else socket.destroy();
});

/**
 * @param {unknown} error
 * @param {Workspace} workspace
 */
function toAnswer(error, workspace) {
  if (error instanceof Refused) {
    workspace.deny(error);
    const why = workspace.policy.explain(error.reason, error.host, error.port);
    return { status: 403, message: `DevForge egress: ${why}\n` };
  }
  if (error instanceof Unreachable) return { status: 502, message: `DevForge egress: ${error.message}\n` };
  console.error(error);
  return { status: 500, message: 'DevForge egress: the gateway failed.\n' };
}

/**
 * @param {Socket} client
 * @param {number} status
 * @param {string} message
 */
function refuseTunnel(client, status, message) {
  if (!client.writable) return client.destroy();
  // Few clients show the body of such an answer, and more of them this line.
  const reason = message.trimEnd().replaceAll(/[^ -~]/g, '?');
  const headers = `content-type: text/plain; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(message)}\r\nconnection: close`;
  client.end(`HTTP/1.1 ${status} ${reason}\r\n${headers}\r\n\r\n${message}`, () => client.destroySoon());
}
