import { Agent, get } from 'node:http';

export interface Target {
  hostname: string;
  port: number;
  path: string;
  headers: Record<string, string>;
}

export interface Load {
  requestsPerSecond: number;
  /** Of each request, in milliseconds. */
  latencies: number[];
}

/** Asks for the target `count` times, `concurrency` at once, over connections that are kept. @throws Error for any answer but 200 */
export async function load(target: Target, count: number, concurrency: number): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  const latencies: number[] = [];
  let asked = 0;
  const startedAt = performance.now();
  try {
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        while (asked++ < count) {
          const at = performance.now();
          await ask(target, agent);
          latencies.push(performance.now() - at);
        }
      }),
    );
  } finally {
    agent.destroy();
  }
  return { requestsPerSecond: (latencies.length / (performance.now() - startedAt)) * 1_000, latencies };
}

/** @returns the bytes of the answer */
export function ask(target: Target, agent?: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = get({ ...target, ...(agent === undefined ? {} : { agent }) }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('end', () => (response.statusCode === 200 ? resolve(bytes) : reject(new Error(`${target.path}: ${response.statusCode}`))));
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}
