import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';

interface ProcessInfo {
  type: string;
  id: number;
  /** Since its start, in seconds. */
  cpuTime: number;
}

/** What the processes of a browser use of a core, in percent, for `ms` ms: those of pages, and the others. */
export async function measureProcessor(chromium: Browser, ms: number): Promise<{ pages: number; others: number }> {
  const session = await chromium.newBrowserCDPSession();
  const read = async (): Promise<ProcessInfo[]> => (await session.send('SystemInfo.getProcessInfo')).processInfo;
  const startedAt = performance.now();
  const before = new Map((await read()).map(({ id, cpuTime }) => [id, cpuTime]));
  await sleep(ms);
  const after = await read();
  const elapsed = performance.now() - startedAt;
  await session.detach();
  const percent = (processes: ProcessInfo[]): number =>
    (processes.reduce((sum, { id, cpuTime }) => sum + cpuTime - (before.get(id) ?? 0), 0) * 1_000 * 100) / elapsed;
  return {
    pages: percent(after.filter(({ type }) => type === 'renderer')),
    others: percent(after.filter(({ type }) => type !== 'renderer')),
  };
}
