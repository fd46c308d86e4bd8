import { Client, type Dispatcher } from 'undici';

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

/** Asks for the target `count` times, `concurrency` at once, each over a connection of its own that is kept. @throws Error for any answer but 200 */
export async function load(target: Target, count: number, concurrency: number): Promise<Load> {
  const latencies: number[] = [];
  let asked = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: concurrency }, () =>
      connected(target, async (client) => {
        while (asked++ < count) {
          const at = performance.now();
          await bytesOf(client, target);
          latencies.push(performance.now() - at);
        }
      }),
    ),
  );
  return { requestsPerSecond: (latencies.length / (performance.now() - startedAt)) * 1_000, latencies };
}

/** @returns the bytes of the answer */
export function ask(target: Target): Promise<number> {
  return connected(target, (client) => bytesOf(client, target));
}

async function connected<T>({ hostname, port }: Target, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(`http://${hostname}:${port}`);
  try {
    return await use(client);
  } finally {
    await client.destroy();
  }
}

/** By the client's own events: one that takes the processor from what it measures would weigh most on the longer way. */
function bytesOf(client: Client, { path, headers }: Target): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0;
    let status = 0;
    const answer: Dispatcher.DispatchHandler = {
      onRequestStart: () => undefined,
      onResponseStart: (_, code) => void (status = code),
      onResponseData: (_, chunk) => void (bytes += chunk.length),
      onResponseEnd: () => (status === 200 ? resolve(bytes) : reject(new Error(`${path}: ${status}`))),
      onResponseError: (_, error) => reject(error),
    };
    client.dispatch({ path, method: 'GET', headers }, answer);
  });
}
