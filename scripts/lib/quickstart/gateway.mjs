/** Finds the address at which containers reach this machine: the gateway of Docker's bridge. */
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { engineCall } from '../engine-api.mjs';

/**
 * Addresses to try, best first. Node does not list a bridge without containers among the interfaces, so the engine's
 * description of the bridge comes first: its gateway, then the first address of its subnet.
 * @param {{ IPAM?: { Config?: { Gateway?: string, Subnet?: string }[] } }} bridge the engine's description, {} when it has none
 * @param {NodeJS.Dict<import('node:os').NetworkInterfaceInfo[]>} interfaces of this machine
 * @returns {string[]} IPv4 addresses
 */
export function gatewayCandidates(bridge, interfaces) {
  const described = (bridge.IPAM?.Config ?? []).flatMap(({ Gateway, Subnet }) => [
    Gateway?.split('/')[0],
    firstAddress(Subnet),
  ]);
  const own = Object.values(interfaces)
    .flat()
    .flatMap((entry) => (entry?.family === 'IPv4' && !entry.internal ? [entry.address] : []));
  return [...new Set([...described, ...own])].flatMap((address) =>
    address && /^\d+(\.\d+){3}$/.test(address) ? [address] : [],
  );
}

function firstAddress(subnet = '') {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/\d+$/.exec(subnet);
  return match ? `${match[1]}.${match[2]}.${match[3]}.${Number(match[4]) + 1}` : undefined;
}

/** @returns {Promise<string | undefined>} undefined when the engine is on another machine */
export async function findGateway(address) {
  if (address.kind !== 'socket') return undefined;
  const { status, text } = await engineCall(address, { path: '/networks/bridge' });
  for (const candidate of gatewayCandidates(status === 200 ? JSON.parse(text) : {}, networkInterfaces())) {
    if (await isLocal(candidate)) return candidate;
  }
  return undefined;
}

/** Whether it is an address of this machine: only on those a server can listen. */
const isLocal = (address) =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(0, address, () => server.close(() => resolve(true)));
  });
