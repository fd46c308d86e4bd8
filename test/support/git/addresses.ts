import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';

const DOCKER_BRIDGE = 'docker0';

/**
 * This machine's IPv4 address on Docker's default bridge, or `undefined` without one.
 *
 * Read from the kernel's tables: `os.networkInterfaces()` leaves a bridge out while no container is attached to it,
 * and the engine does not tell the gateway of its default bridge unless it was configured.
 */
export async function dockerBridgeAddress(): Promise<string | undefined> {
  const [subnets, addresses] = await Promise.all([subnetsOf(DOCKER_BRIDGE), localAddresses()]);
  return addresses.find((address) => subnets.some(({ network, mask }) => (toNumber(address) & mask) === network));
}

/** Every IPv4 address that is this machine's own, those of idle bridges included. */
export async function localAddresses(): Promise<string[]> {
  const table = await kernelTable('fib_trie');
  const known = [...table.matchAll(/\|-- (\S+)\n\s+\/32 host LOCAL/g)].map(([, address = '']) => address);
  const up = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const listed = up.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
  return [...new Set([...known, ...listed])];
}

async function subnetsOf(device: string): Promise<{ network: number; mask: number }[]> {
  const rows = (await kernelTable('route')).split('\n').map((line) => line.split(/\s+/));
  return rows
    .filter(([name]) => name === device)
    .map(([, destination = '', , , , , , mask = '']) => ({ network: fromHex(destination), mask: fromHex(mask) }))
    .filter(({ mask }) => mask !== 0);
}

/** Empty where the kernel is not Linux. */
function kernelTable(name: string): Promise<string> {
  return readFile(`/proc/net/${name}`, 'utf8').catch(() => '');
}

/** As 32 bits, signed, which is what `&` gives. */
function toNumber(address: string): number {
  return Buffer.from(address.split('.').map(Number)).readInt32BE();
}

/** The kernel prints the bytes in the order of this machine, which is little-endian on all that run Docker. */
function fromHex(text: string): number {
  return Buffer.from(text, 'hex').readInt32LE();
}
