import { randomBytes, timingSafeEqual } from 'node:crypto';
import net from 'node:net';

const HANDSHAKE_TIMEOUT_MS = 5_000;
const MAX_HANDSHAKE_LENGTH = 256;
const MAX_CONNECTIONS = 512;

/** @typedef {(client: net.Socket, authority: string) => void} Route */

/**
 * Listens on a TCP port for clients that know its key. The handshake is `<key> <authority>\n` and its answer `ok\n` or
 * `<error code>\n`, after which the connection is the client's. Without the key it is closed without an answer. The
 * authority `door` only checks whether the endpoint can be reached.
 *
 * @param {Route} route connects an authenticated client to the authority, and answers the handshake
 * @returns {Promise<{ port: number, key: string }>} a key of 256 bits in hexadecimal digits
 */
export async function listenDirect(route) {
  const key = Buffer.from(randomBytes(32).toString('hex'));
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (client) => authenticate(client, key, route));
  server.maxConnections = MAX_CONNECTIONS;
  await /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => server.once('error', reject).listen(0, '0.0.0.0', resolve))
  );
  const { port } = /** @type {net.AddressInfo} */ (server.address());
  return { port, key: key.toString() };
}

/** @param {net.Socket} client @param {Buffer} key @param {Route} route */
function authenticate(client, key, route) {
  let handshake = '';
  const timeout = setTimeout(() => client.destroy(), HANDSHAKE_TIMEOUT_MS);
  client.on('error', () => client.destroy()).once('close', () => clearTimeout(timeout));
  client.on('readable', function read() {
    handshake += client.read()?.toString('latin1') ?? '';
    if (handshake.length > MAX_HANDSHAKE_LENGTH) client.destroy();
    if (!handshake.endsWith('\n')) return;
    client.off('readable', read);
    clearTimeout(timeout);
    const [given = '', authority = ''] = handshake.trimEnd().split(' ');
    if (given.length !== key.length || !timingSafeEqual(Buffer.from(given), key)) client.destroy();
    else if (authority === 'door') client.end('ok\n');
    else route(client, authority);
  });
}
