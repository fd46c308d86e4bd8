/**
 * What the console costs: `npm run bench -- console [--containers 50] [--rounds 10] [--seconds 30] [--no-lighthouse]`.
 *
 * A browser loads the containers page with that many live containers, with and without the files in its cache; then the page
 * stays open, in a window in which all of them are seen, and its processor time and its subscriptions are read. What the server keeps in
 * memory is read before and after it has sent the whole console a few times. Lighthouse, which npm fetches, judges the page.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { ApiClient, ok } from '../test/support/api/client.js';
import { type DevForgeProcess, startDevForge } from '../test/support/api/devforge-process.js';
import { freePort } from '../test/support/api/free-port.js';
import { publicUrlOf } from '../test/support/api/signed-in.js';
import { CHROMIUM, launchChromium } from '../test/support/e2e/chromium.js';
import { until } from '../test/support/e2e/until.js';
import { builtServer } from './support/build.js';
import { Cleanup } from './support/cleanup.js';
import { lighthouse } from './support/console/lighthouse.js';
import { measureLoads } from './support/console/loads.js';
import { measureProcessor } from './support/console/processor.js';
import { measureServedMemory } from './support/console/served-memory.js';
import { Subscriptions } from './support/console/subscriptions.js';
import { CreatedContainers } from './support/created.js';
import { usageOf } from './support/process-usage.js';
import { Report } from './support/report.js';

const CREATE_AT_ONCE = 4;
const ROW_HEIGHT = 54;
/** The whole console, so many times. */
const TIMES_SERVED = 20;
const SETTLE_MS = 10_000;
const TARGETS = { scriptKB: 300, interactiveMs: 1_000, pagePercent: 10, subscriptions: 50, grownMB: 5, score: 95 };

interface Setup {
  server: DevForgeProcess;
  api: ApiClient;
  url: string;
  report: Report;
}

async function signIn(context: BrowserContext, { api }: Setup): Promise<void> {
  const page = await context.newPage();
  await page.goto(ok(await api.request<{ url: string }>('POST', '/api/session-links')).url);
  await page.getByRole('heading', { name: 'Containers' }).waitFor();
  await page.close();
}

async function reportLoads(setup: Setup, browser: Browser, rounds: number): Promise<void> {
  const { url, report } = setup;
  const context = await browser.newContext();
  await signIn(context, setup);
  const cookies = await context.cookies();
  await context.close();
  const loads = await measureLoads(browser, { url, cookies, rounds });
  report.section('The containers page is loaded');
  report.value('script', loads.scriptBytes / 1_000, 'kB', { atMost: TARGETS.scriptKB, unit: 'kB' });
  report.times('until interactive', loads.interactive, { atMost: TARGETS.interactiveMs, unit: 'ms' });
  report.times('  with the files in the cache', loads.again);
}

async function reportOpenPage(setup: Setup, browser: Browser, containers: number, seconds: number): Promise<void> {
  const { url, server, report } = setup;
  const context = await browser.newContext({ viewport: { width: 1440, height: (containers + 5) * ROW_HEIGHT } });
  await signIn(context, setup);
  const idle = await usageOf(server.pid);
  await sleep(seconds * 1_000);
  const before = await usageOf(server.pid);
  const page = await context.newPage();
  const subscriptions = new Subscriptions(page);
  await page.goto(url);
  await until('live figures', async () => (await page.getByText(/\d MiB/).count()) >= containers - 1, 60_000);
  await sleep(SETTLE_MS);
  const opened = await usageOf(server.pid);
  const { pages, others } = await measureProcessor(browser, seconds * 1_000);
  const after = await usageOf(server.pid);
  report.section(`The page is open, with ${containers} live ones`);
  report.value('processor, the page', pages, '%', { atMost: TARGETS.pagePercent, unit: '%' });
  report.value('  what draws it, and the browser', others, '%');
  report.value('subscriptions', subscriptions.most, '', { atMost: TARGETS.subscriptions, unit: '' });
  const percent = (ms: number): number => (ms / (seconds * 1_000)) * 100;
  report.value('processor, DevForge', percent(after.processorMs - opened.processorMs), '%');
  report.value('  before it was opened', percent(before.processorMs - idle.processorMs), '%');
  await context.close();
}

async function reportLighthouse(setup: Setup): Promise<void> {
  const { url, report } = setup;
  const profile = await mkdtemp(join(tmpdir(), 'devforge-lighthouse-'));
  try {
    const args = ['--no-sandbox', '--disable-gpu'];
    const context = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args });
    await signIn(context, setup);
    await context.close();
    for (const preset of ['desktop', 'mobile'] as const) {
      const { scores, faults } = await lighthouse(url, { profile, preset });
      report.section(`Lighthouse, ${preset}`);
      for (const [name, score] of Object.entries(scores))
        report.value(name, score, '', { atLeast: TARGETS.score, unit: '' });
      for (const fault of faults) report.note(fault);
    }
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function bench(report: Report, cleanup: Cleanup): Promise<void> {
  const { values } = parseArgs({
    options: {
      containers: { type: 'string', default: '50' },
      rounds: { type: 'string', default: '10' },
      seconds: { type: 'string', default: '30' },
      'no-lighthouse': { type: 'boolean', default: false },
    },
  });
  const [containers, rounds, seconds] = [Number(values.containers), Number(values.rounds), Number(values.seconds)];
  const entry = process.env['DEVFORGE_ENTRY'] ?? (await builtServer());
  console.log(`console: ${cpus().length} processors, load ${loadavg()[0]!.toFixed(2)}`);
  const ca = process.env['EXTRA_CA_CERTS'] ?? process.env['NODE_EXTRA_CA_CERTS'];
  const inspector = await freePort();
  const server = await startDevForge(
    { NODE_ENV: 'production', LOG_LEVEL: 'info', ...(ca === undefined ? {} : { EXTRA_CA_CERTS: ca }) },
    { entry, nodeOptions: ['--max-semi-space-size=16', `--inspect=127.0.0.1:${inspector}`] },
  );
  cleanup.add(() => server.dispose());
  const api = new ApiClient(server.url, server.token);
  const setup: Setup = { server, api, url: publicUrlOf(server), report };

  const { requests, before, after } = await measureServedMemory({ url: server.url, inspector }, TIMES_SERVED);
  report.section(`${requests} files of the console are sent`);
  const grown = { atMost: TARGETS.grownMB, unit: 'MB' } as const;
  report.value('memory that DevForge keeps, more', after.keptMB - before.keptMB, 'MB', grown);
  report.value('  resident, more', after.residentMB - before.residentMB, 'MB');

  const created = new CreatedContainers(api, 'claude');
  cleanup.add(() => created.removeAll());
  await created.first();
  await created.fill(containers, CREATE_AT_ONCE);
  const browser = await launchChromium();
  cleanup.add(() => browser.close());
  await reportLoads(setup, browser, rounds);
  await reportOpenPage(setup, browser, containers, seconds);
  if (!values['no-lighthouse']) await reportLighthouse(setup);
}

const report = new Report();
const cleanup = new Cleanup();
try {
  await bench(report, cleanup);
  if (loadavg()[0]! > cpus().length) console.log('\nThe machine was busy: its times are longer than they would be.');
  console.log(report.missed.length === 0 ? '\nEvery target is met.' : `\nMissed: ${report.missed.join('; ')}`);
} finally {
  await cleanup.all();
}
