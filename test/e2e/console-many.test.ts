/** The console with hundreds of containers, which are rows in the database: the engine cannot be reached, so they stay. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { openConsole } from '../support/console/console-browser.js';
import { closeContexts, launchChromium } from '../support/e2e/chromium.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { EngineProxy } from '../support/engine-proxy/engine-proxy.js';
import { type PostgresServer, startPostgres } from '../support/postgres/postgres-server.js';

const COUNT = 300;
const SLOW = { timeout: 30_000 };
/** Those of a window, and a few above and below. */
const MAX_RENDERED = 40;
/** A frame takes 16 ms; the machine is shared with other suites. */
const MAX_TASK_MS = 400;
const MAX_SUBSCRIPTIONS = 50;

describe('the console with hundreds of containers', () => {
  let postgres: PostgresServer;
  let proxy: EngineProxy;
  let server: TestServer;
  let chromium: Browser;

  beforeAll(async () => {
    [postgres, proxy, chromium] = await Promise.all([startPostgres(), EngineProxy.start(), launchChromium()]);
    server = await startTestServer({ DATABASE_URL: postgres.url, ...proxy.env });
    await proxy.set('refuse');
    await postgres.pool.query(
      `insert into containers (id, owner_id, name, template, mode, repo_type, cpu_limit, memory_limit, disk_limit, env,
         status, desired_running, disk_limit_enforced, workspace_ready, created_at, updated_at, started_at)
       select gen_random_uuid(), 'administrator', 'many-' || lpad(n::text, 3, '0'), 'claude', 'autonomous', 'empty', 2, 1024,
         10240, '{}', 'running', true, 'soft', true, now() - n * interval '1 minute', now(), now()
       from generate_series(1, $1) n`,
      [COUNT],
    );
  }, 90_000);
  afterEach(() => closeContexts(chromium));
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
    await proxy?.close();
    await postgres?.stop();
  }, 60_000);

  const rows = (page: Page) => page.getByRole('row', { name: /^many-/ });

  it('renders the rows that can be seen, without a long frame from the first to the last', async () => {
    const { page } = await openConsole(chromium, server, { as: server.api });
    await rows(page).first().waitFor(SLOW);
    await page.getByText('many-001').waitFor(SLOW);
    // A page turns the wheel a little in each frame, as a person does, and notes what it sees.
    const { rendered, longest } = await page.evaluate<{ rendered: number; longest: number }>(`(async () => {
      const tasks = [];
      const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)));
      observer.observe({ type: 'longtask' });
      const table = document.querySelector('[role=table]');
      let rendered = 0;
      while (table.scrollTop + table.clientHeight < table.scrollHeight - 1) {
        table.scrollTop += 200;
        await new Promise((resolve) => requestAnimationFrame(resolve));
        rendered = Math.max(rendered, table.querySelectorAll('[role=row]').length);
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
      tasks.push(...observer.takeRecords().map((entry) => entry.duration));
      return { rendered, longest: Math.max(0, ...tasks) };
    })()`);
    await page.getByText(`many-${COUNT}`).waitFor(SLOW);
    expect(await page.getByText('many-001').count()).toBe(0);
    expect(rendered).toBeLessThanOrEqual(MAX_RENDERED);
    expect(longest).toBeLessThan(MAX_TASK_MS);
    expect(await page.getByRole('table').getAttribute('aria-rowcount')).toBe(String(COUNT + 1));
  }, 60_000);

  it('subscribes to no more than 50 things, however tall the window is and wherever it has been scrolled to', async () => {
    const { page, url } = await openConsole(chromium, server, { as: server.api, height: 6_000 });
    const open = new Set<string>();
    let [most, sent] = [0, 0];
    page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const [, verb, kind, details] = /^42\d*\["(subscribe|unsubscribe):(\w+)"(.*)\]$/.exec(String(payload)) ?? [];
        if (verb === undefined) return;
        sent += 1;
        if (verb === 'subscribe') open.add(`${kind} ${details}`.replace(/,"interval":\d+/, ''));
        else open.delete(`${kind} ${details}`);
        most = Math.max(most, open.size);
      });
    });
    await page.goto(url);
    await until('the subscriptions', () => open.size === MAX_SUBSCRIPTIONS);
    expect(await rows(page).count()).toBeGreaterThan(MAX_SUBSCRIPTIONS);
    const before = new Set(open);
    const bottom = page.evaluate(`document.querySelector('[role=table]').scrollTop = 1e6`);
    await bottom;
    await page.getByText(`many-${COUNT}`).waitFor(SLOW);
    await until(
      'other subscriptions',
      () => open.size === MAX_SUBSCRIPTIONS && [...open].some((one) => !before.has(one)),
    );
    expect(most).toBe(MAX_SUBSCRIPTIONS);
    // None is sent twice.
    expect(sent).toBe(open.size + 2 * (new Set([...before, ...open]).size - open.size));
  }, 60_000);
});
