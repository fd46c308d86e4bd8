import { isIP } from 'node:net';
import { readClientHello } from './client-hello.mjs';
import { pump } from './pump.mjs';
import { connectOver, Refused, routeTo } from './dial.mjs';

/** Where names share addresses, and SSH names none of them: it is for hosts that a rule names. */
const HTTPS_PORT = 443;
const SSH_BANNER = Buffer.from('SSH-');
const OPENING_TIMEOUT_MS = 15_000;
/** Fatal alert `access_denied`. */
const TLS_ALERT = Buffer.from([21, 3, 1, 0, 2, 2, 49]);

/**
 * @typedef {import('node:net').Socket} Socket
 * @typedef {import('./workspace.mjs').Workspace} Workspace
 */

/**
 * Connects to a host that the workspace asks for.
 * @param {Workspace} workspace
 * @param {string} host
 * @param {number} port
 * @throws {Refused | import('./dial.mjs').Unreachable}
 */
export async function openTunnel(workspace, host, port) {
  if (!workspace.policy.allows(host, port)) throw new Refused('not_allowed', host, port);
  return connectOver(await routeTo(workspace, host, port, { kind: 'https' }), host, port);
}

/**
 * Relays a tunnel whose client was told that it is open, once what the client sends first says that it is for that host.
 * @param {Workspace} workspace
 * @param {Socket} client
 * @param {Socket} server
 * @param {{ host: string, port: number }} target
 * @param {Buffer} head what came after the request
 */
export async function relay(workspace, client, server, { host, port }, head) {
  joinEnds(client, server);
  if (head.length > 0) client.unshift(head);
  const tunnel = {
    isAllowed: () => workspace.policy.allows(host, port),
    end: () => end(client, server),
  };
  const leave = workspace.enter(tunnel);
  let isPassed = false;
  server.once('close', () => {
    if (!isPassed) leave();
  });
  if (!workspace.policy.isOpen) {
    const { bytes, reason } = await readOpening(client, host, maySpeakSsh(workspace, host, port));
    if (reason === 'closed') return end(client, server);
    if (reason !== undefined) {
      workspace.deny(new Refused(reason, host, port));
      server.destroy();
      if (client.writable) client.end(TLS_ALERT, () => client.destroy());
      return;
    }
    server.write(bytes);
  }
  pump(client, server, (end) => {
    isPassed = true;
    tunnel.end = end;
    return leave;
  });
}

/**
 * @param {Socket} client
 * @param {Socket} server
 */
function end(client, server) {
  server.destroy();
  client.destroy();
}

/**
 * Either end goes with the other.
 * @param {Socket} client
 * @param {Socket} server
 */
function joinEnds(client, server) {
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.on('error', () => client.destroy()).on('close', () => client.destroySoon());
}

/**
 * @param {Workspace} workspace
 * @param {string} host
 * @param {number} port
 */
function maySpeakSsh({ policy }, host, port) {
  return port !== HTTPS_PORT || policy.names(host, port);
}

/**
 * @param {Socket} client
 * @param {string} host
 * @param {boolean} isSshAllowed
 * @returns {Promise<{ bytes: Buffer, reason: import('./policy.mjs').Reason | 'closed' | undefined }>} 'closed' when the client
 * ended before it had said what it speaks; one that waits for the server to begin speaks a protocol that is not carried
 */
async function readOpening(client, host, isSshAllowed) {
  /** @type {Buffer[]} */
  const chunks = [];
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    client.destroy();
  }, OPENING_TIMEOUT_MS);
  try {
    for (;;) {
      const chunk = await nextChunk(client);
      if (chunk === null) return { bytes: Buffer.alloc(0), reason: isSilent ? 'protocol' : 'closed' };
      chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      const verdict = judge(bytes, host, isSshAllowed);
      if (verdict !== 'incomplete') return { bytes, reason: verdict };
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Socket} client
 * @returns {Promise<Buffer | null>} null at its end
 */
function nextChunk(client) {
  return new Promise((accept) => {
    const read = () => {
      const chunk = client.read();
      if (chunk === null && !client.readableEnded && !client.destroyed) return;
      client.off('readable', read).off('end', read).off('close', read);
      accept(chunk);
    };
    client.on('readable', read).on('end', read).on('close', read);
    read();
  });
}

/**
 * @param {Buffer} bytes
 * @param {string} host
 * @param {boolean} isSshAllowed
 * @returns {import('./policy.mjs').Reason | 'incomplete' | undefined} undefined when they are what they should be
 */
function judge(bytes, host, isSshAllowed) {
  const start = bytes.subarray(0, SSH_BANNER.length);
  if (isSshAllowed && SSH_BANNER.subarray(0, start.length).equals(start))
    return start.length < SSH_BANNER.length ? 'incomplete' : undefined;
  const opening = readClientHello(bytes);
  if (opening.kind === 'incomplete') return 'incomplete';
  if (opening.kind === 'other') return 'protocol';
  // Clients send no name for an address.
  const expected = isIP(host) > 0 ? undefined : host;
  return opening.name === expected ? undefined : 'host_mismatch';
}
