import { LARGE_BYTES, relays, stopReading } from './relays.mjs';

const MAX_ATTEMPTS = 20;

/** @typedef {import('node:net').Socket} Socket */

/**
 * Copies between two sockets until both have ended.
 * @param {Socket} client
 * @param {Socket} server
 * @param {(end: () => void) => () => void} onPassed called when another process has taken over, with what ends it there;
 * returns what is to be called when it has ended
 */
export function pump(client, server, onPassed) {
  let bytes = 0;
  /** @param {Buffer} chunk */
  const count = (chunk) => {
    bytes += chunk.length;
    if (bytes < LARGE_BYTES) return;
    for (const socket of [client, server]) socket.off('data', count);
    if (relays.isReady) setImmediate(() => void passOn(client, server, onPassed));
  };
  client.pipe(server);
  server.pipe(client);
  for (const socket of [client, server]) socket.on('data', count);
}

/**
 * @param {Socket} client
 * @param {Socket} server
 * @param {(end: () => void) => () => void} onPassed
 */
async function passOn(client, server, onPassed) {
  const isWhole = () => [client, server].every((each) => !each.destroyed && !each.writableEnded && !each.readableEnded);
  if (!isWhole()) return;
  client.unpipe(server);
  server.unpipe(client);
  for (let attempt = 0; attempt < MAX_ATTEMPTS && isWhole() && relays.isReady; attempt++) {
    const [fromClient, fromServer] = [takeRest(client), takeRest(server)];
    if (fromClient === null && fromServer === null && client.writableLength + server.writableLength === 0) {
      // The number of the relay is known only once it has begun.
      let onEnd = () => {};
      const end = relays.pass(client, server, () => onEnd());
      onEnd = onPassed(end);
      return;
    }
    await Promise.all([write(server, fromClient), write(client, fromServer)]);
  }
  client.pipe(server);
  server.pipe(client);
}

/**
 * Stops reading.
 * @param {Socket} socket
 * @returns {Buffer | null} what was read and not yet taken
 */
function takeRest(socket) {
  const rest = socket.read();
  stopReading(socket);
  return rest;
}

/**
 * @param {Socket} socket
 * @param {Buffer | null} bytes
 * @returns {Promise<void>} once everything before it was taken
 */
function write(socket, bytes) {
  if (socket.destroyed) return Promise.resolve();
  return new Promise((accept) => {
    socket.once('close', accept);
    socket.write(bytes ?? Buffer.alloc(0), () => {
      socket.off('close', accept);
      accept();
    });
  });
}
