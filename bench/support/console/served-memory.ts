import { readdir } from 'node:fs/promises';
import { collectedMemory, type KeptMemory } from './server-memory.js';

const FILES = 'packages/console/dist';
const ENCODINGS = ['br', 'gzip', 'identity'];
const AT_ONCE = 8;

/**
 * The memory of a server before and after it has sent the whole console several times. It has answered as many other requests
 * before, so that what any request makes it keep is not counted.
 */
export async function measureServedMemory(
  { url, inspector }: { url: string; inspector: number },
  times: number,
): Promise<{ requests: number; before: KeptMemory; after: KeptMemory }> {
  const names = (await readdir(FILES, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && !/\.(?:br|gz)$|^\./.test(entry.name))
    .map(({ parentPath, name }) => `${parentPath}/${name}`.slice(FILES.length));
  const console = Array.from({ length: times }, () =>
    ['/', ...names.filter((name) => name !== '/index.html')].flatMap((path) =>
      ENCODINGS.map((encoding) => ({ path, encoding })),
    ),
  ).flat();
  await send(
    url,
    console.map(({ encoding }) => ({ path: '/api/nothing', encoding })),
  );
  const before = await collectedMemory(inspector);
  await send(url, console);
  return { requests: console.length, before, after: await collectedMemory(inspector) };
}

async function send(url: string, requests: { path: string; encoding: string }[]): Promise<void> {
  const queue = requests.values();
  const work = async (): Promise<void> => {
    for (const { path, encoding } of queue) {
      const answer = await fetch(url + path, { headers: { Accept: 'text/html,*/*', 'Accept-Encoding': encoding } });
      await answer.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
