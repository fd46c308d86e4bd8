import { LARGE_BYTES, relays, stopReading } from './relays.mjs';

const MAX_ATTEMPTS = 20;

/**
 * @typedef {import('node:http').IncomingMessage} IncomingMessage
 * @typedef {import('node:net').Socket} Socket
 * @typedef {{
 *   request: IncomingMessage, response: import('node:http').ServerResponse,
 *   upstream: import('node:http').ClientRequest, answer: IncomingMessage
 * }} Exchange
 */

/** @param {IncomingMessage} answer */
function lengthOf({ headers, statusCode = 0 }) {
  const isPlain = headers['transfer-encoding'] === undefined && statusCode >= 200;
  return isPlain && /^\d{1,15}$/.test(headers['content-length'] ?? '') ? Number(headers['content-length']) : 0;
}

/** @param {IncomingMessage} answer */
export function isLarge(answer) {
  return lengthOf(answer) > 2 * LARGE_BYTES;
}

/**
 * Has another process carry the rest of a large answer of known length, once the request was sent as a whole. It carries so many
 * bytes and no more, and nothing to the server, so that no second request gets there unchecked.
 * @param {Exchange} exchange whose answer is just beginning
 * @param {(end: () => void) => () => void} onPassed called with what ends it there; returns what is to be called when it has ended
 */
export function passLargeAnswer(exchange, onPassed) {
  const { answer } = exchange;
  if (!isLarge(answer)) return;
  const length = lengthOf(answer);
  let bytes = 0;
  let isDue = false;
  answer.on('data', (/** @type {Buffer} */ chunk) => {
    bytes += chunk.length;
    if (isDue || bytes < LARGE_BYTES || !relays.isReady) return;
    isDue = true;
    // Everybody else gets this chunk first.
    setImmediate(() => void passOn(exchange, () => length - bytes, onPassed));
  });
}

/**
 * @param {Exchange} exchange
 * @param {() => number} left what of the answer has not been read yet
 * @param {(end: () => void) => () => void} onPassed
 */
async function passOn({ request, response, upstream, answer }, left, onPassed) {
  const [client, server] = [response.socket, answer.socket];
  const isWhole = () =>
    client?.destroyed === false && !server.destroyed && request.complete && upstream.writableFinished;
  if (client === null || !isWhole()) return;
  answer.unpipe(response);
  for (let attempt = 0; attempt < MAX_ATTEMPTS && isWhole() && relays.isReady; attempt++) {
    const rest = takeRest(answer, server);
    if (left() <= 0) {
      response.write(rest);
      break;
    }
    if (rest.length === 0 && client.writableLength === 0) {
      // The parser of the server has the connection, until somebody else listens.
      client.on('data', () => undefined);
      let onEnd = () => {};
      const end = relays.pass(client, server, () => onEnd(), left());
      onEnd = onPassed(end);
      return;
    }
    await new Promise((accept) => {
      client.once('close', accept);
      response.write(rest, () => {
        client.off('close', accept);
        accept(undefined);
      });
    });
  }
  answer.pipe(response);
}

/**
 * Stops reading.
 * @param {IncomingMessage} answer
 * @param {Socket} server
 * @returns {Buffer} what was read and not yet taken
 */
function takeRest(answer, server) {
  const parts = [];
  // What waits before the parser goes through it.
  while (server.readableLength > 0) server.read();
  while (answer.readableLength > 0) parts.push(answer.read());
  stopReading(server);
  return Buffer.concat(parts);
}
