import { canonicalHost } from './addresses.mjs';
import { Refused, Unreachable } from './dial.mjs';
import { openTunnel, relay } from './tunnel.mjs';

export const SOCKS_VERSION = 5;
const NO_AUTHENTICATION = 0;
const NO_METHOD = 0xff;
const CONNECT = 1;
const NAME = 3;
const IPV4 = 1;
const IPV6 = 4;
const HANDSHAKE_TIMEOUT_MS = 15_000;
const REPLY = { ok: 0, failed: 1, notAllowed: 2, unreachable: 4, badCommand: 7, badAddress: 8 };

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 */

/**
 * SOCKS5 without authentication (RFC 1928): `CONNECT` alone.
 * @param {Socket} client
 * @param {Workspace} workspace
 */
export async function serveSocks(client, workspace) {
  const timer = setTimeout(() => client.destroy(), HANDSHAKE_TIMEOUT_MS);
  /** @param {number} code */
  const answer = (code) => {
    client.write(Buffer.from([SOCKS_VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]));
    return client;
  };
  try {
    const methods = await read(client, (await read(client, 2))[1] ?? 0);
    const method = methods.includes(NO_AUTHENTICATION) ? NO_AUTHENTICATION : NO_METHOD;
    client.write(Buffer.from([SOCKS_VERSION, method]));
    if (method === NO_METHOD) return void client.end();
    const [, command, , type] = await read(client, 4);
    const written = await readAddress(client, type);
    const port = (await read(client, 2)).readUInt16BE();
    const host = written === undefined ? undefined : canonicalHost(written);
    if (command !== CONNECT) return void answer(REPLY.badCommand).end();
    if (host === undefined || port === 0) return void answer(REPLY.badAddress).end();
    try {
      const server = await openTunnel(workspace, host, port);
      if (client.destroyed) return void server.destroy();
      answer(REPLY.ok);
      await relay(workspace, client, server, { host, port }, Buffer.alloc(0));
    } catch (error) {
      if (error instanceof Refused) workspace.deny(error);
      const isKnown = error instanceof Refused || error instanceof Unreachable;
      if (!isKnown) console.error(error);
      answer(error instanceof Refused ? REPLY.notAllowed : isKnown ? REPLY.unreachable : REPLY.failed).end();
    }
  } catch {
    client.destroy();
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Socket} client
 * @param {number | undefined} type
 * @returns {Promise<string | undefined>} as in a URL
 */
async function readAddress(client, type) {
  if (type === NAME) {
    const name = (await read(client, (await read(client, 1))[0] ?? 0)).toString('latin1');
    return /^[^\s/?#@:[\]\\]+$/.test(name) ? name : undefined;
  }
  if (type === IPV4) return (await read(client, 4)).join('.');
  if (type !== IPV6) return undefined;
  const groups = (await read(client, 16)).toString('hex').match(/.{4}/g) ?? [];
  return `[${groups.join(':')}]`;
}

/**
 * @param {Socket} client
 * @param {number} size
 * @returns {Promise<Buffer>}
 * @throws {Error} when it ends before
 */
function read(client, size) {
  return new Promise((accept, reject) => {
    const attempt = () => {
      const bytes = size === 0 ? Buffer.alloc(0) : client.read(size);
      if (bytes === null && !client.readableEnded && !client.destroyed) return;
      client.off('readable', attempt).off('end', attempt).off('close', attempt);
      if (bytes === null || bytes.length < size) reject(new Error('ended'));
      else accept(bytes);
    };
    client.on('readable', attempt).on('end', attempt).on('close', attempt);
    attempt();
  });
}
