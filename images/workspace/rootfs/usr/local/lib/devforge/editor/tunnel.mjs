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

/**
 * Development servers listen on one of the two loopback addresses, or on both.
 *
 * @param {string} authority `editor`, or a host and port of which only the port counts
 */
async function connect(authority) {
  if (authority === 'editor') return open({ path: EDITOR_SOCKET });
  const port = Number(authority.split(':').at(-1));
  try {
    return await open({ host: '127.0.0.1', port });
  } catch (refusal) {
    return await open({ host: '::1', port }).catch(() => {
      throw refusal;
    });
  }
}

/** @param {{ path: string } | { host: string, port: number }} to @returns {Promise<net.Socket>} */
function open(to) {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ ...to, noDelay: true, allowHalfOpen: true });
    socket.once('error', reject).once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
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
  connect(authority).then(
    (socket) => {
      socket.on('error', () => client.destroy());
      client.once('close', () => socket.destroySoon());
      if (client.destroyed) return socket.destroy();
      client.write('ok\n');
      client.pipe(socket).pipe(client);
    },
    (error) => client.end(`${error.code ?? 'ERROR'}\n`),
  );
}

/** Connects a CONNECT request. @param {Stream} stream @param {string} authority */
function routeStream(stream, authority) {
  connect(authority).then(
    (socket) => {
      socket.on('error', () => stream.close(http2.constants.NGHTTP2_CONNECT_ERROR));
      stream.on('close', () => socket.destroy());
      if (stream.destroyed) return socket.destroy();
      stream.respond({ ':status': 200 });
      socket.pipe(stream).pipe(socket);
    },
    (error) => {
      if (!stream.destroyed) stream.respond({ ':status': 502, 'x-error': error.code ?? 'ERROR' }, { endStream: true });
    },
  );
}
