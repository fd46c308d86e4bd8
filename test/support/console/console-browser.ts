import type { Browser, BrowserContext, ConsoleMessage, Page } from 'playwright-core';
import { type ApiClient, ok } from '../api/client.js';
import { publicUrlOf } from '../api/signed-in.js';
import type { TestServer } from '../e2e/server.js';

export type Theme = 'light' | 'dark';

/** A browser that is signed in to the console. */
export interface ConsoleBrowser {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly url: string;
  /** What the browser complained about: scripts that failed, and what the Content-Security-Policy did not allow. */
  readonly complaints: string[];
}

/** Opens the console by a single-use link. @param as whose link it is */
export async function openConsole(
  chromium: Browser,
  { devforge }: Pick<TestServer, 'devforge'>,
  {
    as,
    theme = 'light',
    width = 1440,
    height = 900,
  }: { as: ApiClient; theme?: Theme; width?: number; height?: number },
): Promise<ConsoleBrowser> {
  const link = ok(await as.request<{ url: string }>('POST', '/api/session-links'));
  const context = await chromium.newContext({ colorScheme: theme, viewport: { width, height } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message)) complaints.push(message.text());
  });
  await page.goto(link.url);
  await page.getByRole('heading', { name: 'Containers' }).waitFor();
  return { context, page, url: publicUrlOf(devforge), complaints };
}

/** Who is signed in is asked before anybody is. The engine gives the machine interfaces, and takes them away, beside the test. */
function isExpected(message: ConsoleMessage): boolean {
  const { pathname } = new URL(message.location().url || 'about:blank');
  return pathname === '/api/sessions/current' || message.text().includes('net::ERR_NETWORK_CHANGED');
}
