import { until } from '../../../test/support/e2e/until.js';

/** What a Node.js process keeps once its garbage is collected, in MB (MiB). */
export interface KeptMemory {
  /** Heap and buffers. */
  keptMB: number;
  residentMB: number;
}

interface Answer {
  id: number;
  result: { result?: { value: NodeJS.MemoryUsage } };
}

/** @param port of the inspector of the process, which it was started with */
export async function collectedMemory(port: number): Promise<KeptMemory> {
  const [target] = await until(
    'the inspector',
    async () =>
      (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as { webSocketDebuggerUrl: string }[],
  );
  const socket = new WebSocket(target!.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  const send = (id: number, method: string, params: object = {}): Promise<Answer> =>
    new Promise((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        const answer = JSON.parse(String(data)) as Answer;
        if (answer.id === id) resolve(answer);
      });
      socket.send(JSON.stringify({ id, method, params }));
    });
  // What the first round finalises is garbage in the second.
  for (const id of [1, 2]) await send(id, 'HeapProfiler.collectGarbage');
  const expression = 'process.memoryUsage()';
  const { result } = await send(3, 'Runtime.evaluate', { expression, returnByValue: true });
  socket.close();
  const { heapUsed, external, rss } = result.result!.value;
  return { keptMB: (heapUsed + external) / 1024 ** 2, residentMB: rss / 1024 ** 2 };
}
