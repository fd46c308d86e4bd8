// A server of a process of its own: as many bytes as the path says, over TLS or not; a `POST` gets events, as from the API of a
// model. Its arguments: key and certificate, PEM.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';

const [key, cert] = process.argv.slice(2);
const chunk = Buffer.alloc(256 * 1024, 'x');

/** @type {import('node:http').RequestListener} */
const serve = async (request, response) => {
  if (request.method === 'POST') return void stream(request, response);
  let left = Number(new URL(request.url ?? '/', 'http://localhost').pathname.slice(1));
  response.writeHead(200, { 'content-length': left, connection: 'close' });
  response.on('error', () => undefined);
  const closed = new Promise((close) => response.once('close', close));
  while (left > 0 && !response.destroyed) {
    const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
    left -= part.length;
    if (!response.write(part)) await Promise.race([once(response, 'drain'), closed]);
  }
  response.end();
};

/** One event at once, and the last a while later. @type {import('node:http').RequestListener} */
function stream(request, response) {
  request.resume().once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('event: ping\ndata: {"type":"ping"}\n\n');
    setTimeout(() => response.end('event: ping\ndata: {"type":"ping"}\n\n'), 20);
  });
}

const servers = [createServer(serve), createTlsServer({ key, cert }, serve)];
for (const server of servers) await new Promise((listening) => server.listen(0, '0.0.0.0', () => listening(undefined)));
// Its parent reads the ports, and ends it with its input.
console.log(
  JSON.stringify(servers.map((server) => /** @type {import('node:net').AddressInfo} */ (server.address()).port)),
);
process.stdin.resume().on('end', () => process.exit(0));
