import { Agent, request } from 'node:http';
import type { Load } from './load.js';

export type SingleLoad = Pick<Load, 'url' | 'token' | 'method' | 'body'>;

/**
 * Sends one request after the other to all of them in turn, each over a connection that is kept open. What else the
 * machine does then slows all of them alike.
 * @returns for each of them how long its answers took, in milliseconds; what has one index was measured in one turn
 */
export async function sendInTurn(loads: readonly SingleLoad[], seconds: number): Promise<number[][]> {
  const agents = loads.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  const times = loads.map((): number[] => []);
  const end = performance.now() + seconds * 1_000;
  try {
    for (let turn = 0; performance.now() < end; turn += 1)
      for (let at = 0; at < loads.length; at += 1) {
        const index = (turn + at) % loads.length;
        times[index]!.push(await timeOf(loads[index]!, agents[index]!));
      }
  } finally {
    for (const agent of agents) agent.destroy();
  }
  return times;
}

async function timeOf({ url, token, method = 'GET', body }: SingleLoad, agent: Agent): Promise<number> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body()));
  const headers = {
    authorization: `Bearer ${token}`,
    ...(payload === undefined ? {} : { 'content-type': 'application/json', 'content-length': payload.length }),
  };
  const startedAt = performance.now();
  const status = await new Promise<number>((resolve, reject) => {
    const sent = request(url, { agent, method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode!));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(payload);
  });
  if (status >= 300) throw new Error(`${method} ${url} was answered with ${status}.`);
  return performance.now() - startedAt;
}
