import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports below those that Linux gives to connections and to servers that ask for any, so that neither takes one between the
 * look and the use. Each worker of Jest has some of its own.
 */
const FIRST = 10_000;
const PER_WORKER = 4_000;
const WORKERS = 5;

const first = FIRST + (Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS) * PER_WORKER;
let next = randomInt(PER_WORKER);

/** A TCP port that nobody listens on. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < PER_WORKER; tries += 1) {
    const port = first + (next++ % PER_WORKER);
    if (await isFree(host, port)) return port;
  }
  throw new Error(`No TCP port from ${first} to ${first + PER_WORKER - 1} is free.`);
}

async function isFree(host: string, port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
