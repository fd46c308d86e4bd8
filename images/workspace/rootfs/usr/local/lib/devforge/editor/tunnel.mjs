// The program of devforge-tunnel. DevForge speaks HTTP/2 over its standard input and output; every CONNECT becomes a
// connection to the editor's socket or to a port on loopback. It ends with its input. Before HTTP/2 it writes its greeting:
// a line with its name and protocol version, which DevForge does not wait for.
//
// GET /door opens a direct endpoint, for a DevForge that can reach the container's address, and answers with its port and
// key. GET /door/editor answers with those of the endpoint in the editor's own process, if there is one.
import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { listenDirect } from './direct-endpoint.mjs';
import { EDITOR_ENDPOINT_FILE, EDITOR_SOCKET } from './paths.mjs';

const STREAM_WINDOW_BYTES = 1024 * 1024;
const MAX_FRAME_BYTES = 64 * 1024;

/**
 * @typedef {import('node:http2').ServerHttp2Stream} Stream
 * @typedef {Promise<{ port: number, key: string }>} Endpoint
 */

// As sockets: Node's own streams of a process write to pipes synchronously.
const input = new net.Socket({ fd: 0, readable: true, writable: false });
const output = new net.Socket({ fd: 1, readable: false, writable: true });
output.write('devforge-tunnel 2\n');

/** @type {Endpoint | undefined} */
let endpoint;

const server = http2.createServer({
  settings: { initialWindowSize: STREAM_WINDOW_BYTES, maxFrameSize: MAX_FRAME_BYTES, maxConcurrentStreams: 1000 },
});
server.on('sessionError', () => process.exit(1));
server.on('stream', (stream, headers) => {
  stream.on('error', () => undefined);
  if (headers[':path'] === '/door') return sendEndpoint(stream, (endpoint ??= listenDirect(routeClient)));
  if (headers[':path'] === '/door/editor')
    return sendEndpoint(stream, readFile(EDITOR_ENDPOINT_FILE, 'utf8').then(JSON.parse));
  routeStream(stream, headers[':authority'] ?? '');
});
server.emit('connection', Duplex.from({ readable: input, writable: output }));
for (const end of ['end', 'close', 'error']) input.on(end, () => process.exit(0));
output.on('error', () => process.exit(0));

/** @param {string} authority `editor`, or a host and port of which only the port counts */
function connect(authority) {
  if (authority === 'editor') return net.connect({ path: EDITOR_SOCKET, allowHalfOpen: true });
  return net.connect({
    host: 'localhost',
    port: Number(authority.split(':').at(-1)),
    autoSelectFamily: true,
    noDelay: true,
    allowHalfOpen: true,
  });
}

/** @param {Stream} stream @param {Endpoint} opened */
function sendEndpoint(stream, opened) {
  opened.then(
    ({ port, key }) => stream.respond({ ':status': 200, 'x-port': String(port), 'x-key': key }, { endStream: true }),
    () => stream.respond({ ':status': 503 }, { endStream: true }),
  );
}

/** Connects a client of the direct endpoint. @param {net.Socket} client @param {string} authority */
function routeClient(client, authority) {
  const socket = connect(authority);
  const refuse = (/** @type {NodeJS.ErrnoException} */ error) => void client.end(`${error.code ?? 'ERROR'}\n`);
  socket.once('error', refuse);
  client.once('close', () => socket.destroySoon());
  socket.once('connect', () => {
    socket.off('error', refuse).on('error', () => client.destroy());
    client.write('ok\n');
    client.pipe(socket).pipe(client);
  });
}

/** Connects a CONNECT request. @param {Stream} stream @param {string} authority */
function routeStream(stream, authority) {
  const socket = connect(authority);
  socket.on('error', (/** @type {NodeJS.ErrnoException} */ error) => {
    if (!stream.headersSent && !stream.destroyed)
      stream.respond({ ':status': 502, 'x-error': error.code ?? 'ERROR' }, { endStream: true });
    else stream.close(http2.constants.NGHTTP2_CONNECT_ERROR);
  });
  socket.once('connect', () => {
    if (stream.destroyed) return socket.destroy();
    stream.respond({ ':status': 200 });
    socket.pipe(stream).pipe(socket);
  });
  stream.on('close', () => socket.destroy());
}
