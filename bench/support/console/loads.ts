import type { Browser, BrowserContext, Page, Response } from 'playwright-core';
import { type Summary, summarise } from '../statistics.js';

/** Marks when the first container is on the page, and what occupied the page since then. */
const MARK = `
new MutationObserver((_, observer) => {
  if (!document.querySelector('[role=row] a')) return;
  observer.disconnect();
  window.shownAt = performance.now();
}).observe(document, { childList: true, subtree: true });
window.longTasks = [];
new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map(({ startTime, duration }) => startTime + duration)))
  .observe({ type: 'longtask', buffered: true });
`;
/** After which a page that does not work is interactive. */
const QUIET_MS = 1_000;

export interface Loads {
  /** Script that the first load transfers, in bytes. */
  scriptBytes: number;
  /** From the navigation until the containers are shown and nothing keeps the page from answering, in ms. */
  interactive: Summary;
  /** The same with the files in the cache of the browser. */
  again: Summary;
}

/** Loads the containers page anew, each time in a browser without a cache, and then once more. */
export async function measureLoads(
  chromium: Browser,
  { url, cookies, rounds }: { url: string; cookies: Awaited<ReturnType<BrowserContext['cookies']>>; rounds: number },
): Promise<Loads> {
  let scriptBytes = 0;
  const [first, again]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    const context = await chromium.newContext();
    await context.addCookies(cookies);
    await context.addInitScript(MARK);
    const page = await context.newPage();
    const scripts: Response[] = [];
    page.on('response', (response) => {
      if (response.request().resourceType() === 'script') scripts.push(response);
    });
    first.push(await load(page, url));
    const sizes = await Promise.all(scripts.map((response) => response.request().sizes()));
    const bytes = sizes.reduce((sum, { responseBodySize }) => sum + responseBodySize, 0);
    scriptBytes = Math.max(scriptBytes, bytes);
    again.push(await load(page, url));
    await context.close();
  }
  return { scriptBytes, interactive: summarise(first), again: summarise(again) };
}

async function load(page: Page, url: string): Promise<number> {
  await page.goto(url);
  await page.locator('[role=row] a').first().waitFor();
  return page.evaluate<number>(`new Promise((resolve) => setTimeout(() => {
    const after = window.longTasks.filter((end) => end > window.shownAt && end < window.shownAt + ${QUIET_MS});
    resolve(Math.max(window.shownAt, ...after));
  }, ${QUIET_MS}))`);
}
