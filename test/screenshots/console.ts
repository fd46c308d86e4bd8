/** Takes pictures of every page of the console, in both themes, over a server of its own with a few containers. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { ok } from '../support/api/client.js';
import { openConsole, type Theme } from '../support/console/console-browser.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { startInstructionsServer } from '../support/instructions/instructions-server.js';
import { bash, say } from '../support/messages-api/replies.js';

const FOLDER = 'screenshots';
/** For figures and sparklines to appear, which come every two seconds. */
const SETTLE_MS = 20_000;
/** Keeps an agent at work, with figures that go up and down. */
const BUSY = 'for i in $(seq 200); do head -c ${i}0000 /dev/urandom | sha256sum; sleep 0.$((i % 7)); done';

await mkdir(FOLDER, { recursive: true });
const [server, chromium] = await Promise.all([startInstructionsServer(), launchChromium()]);
try {
  const shop = await server.workspace({ name: 'web-shop' });
  const docs = await server.workspace({ name: 'docs', mode: 'interactive' });
  ok(
    await server.api.create({
      name: 'broken',
      template: 'claude',
      repoType: 'clone',
      repoUrl: 'https://127.0.0.1:9/no.git',
    }),
  );
  const stopped = await server.workspace({ name: 'night-build' });
  ok(await server.api.request('POST', `/api/containers/${stopped.container.id}/stop`));
  const git = ['git init -q', 'git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first'].join(' && ');
  const exec = { command: ['sh', '-c', git] };
  ok(await server.api.request('POST', `/api/containers/${shop.container.id}/exec`, { body: exec }));
  shop.model.replyNext(bash('echo one > a.txt; ls -l; cat /etc/os-release'));
  shop.model.replyNext(say('Done. I have written `a.txt`:\n\n- one line\n- **nothing** else\n\n```sh\ncat a.txt\n```'));
  const path = `/api/containers/${shop.container.id}/instructions`;
  ok(
    await server.api.request('POST', path, {
      body: { prompt: 'Write one line into a.txt, and tell me what is there.' },
    }),
  );
  docs.model.replyNext(bash('rm -rf build && npm publish'));
  ok(
    await server.api.request('POST', `/api/containers/${docs.container.id}/instructions`, {
      body: { prompt: 'Publish the documentation.' },
    }),
  );
  for (const name of ['payments-api', 'mobile-app']) {
    const { container, model } = await server.workspace({ name });
    model.replyNext(bash(BUSY));
    model.replyNext(say('The tests pass.'));
    const prompt = 'Make the tests faster.';
    ok(await server.api.request('POST', `/api/containers/${container.id}/instructions`, { body: { prompt } }));
  }
  for (const theme of ['light', 'dark'] as const) await takeAll(theme);
} finally {
  await chromium.close();
  await server.dispose();
}

async function takeAll(theme: Theme): Promise<void> {
  const take = (page: Page, name: string) => page.screenshot({ path: join(FOLDER, `${name}-${theme}.png`) });
  const { page, url, context, complaints } = await openConsole(chromium, server, { as: server.api, theme });
  await page.getByRole('table').getByText('waiting').waitFor();
  await page.getByRole('table').getByText('failed').waitFor({ timeout: 90_000 });
  await page.waitForTimeout(SETTLE_MS);
  await take(page, 'containers');
  await page.goto(`${url}/?q=nothing`);
  await page.getByText('No container matches').waitFor();
  await take(page, 'containers-none');
  await page.goto(`${url}/new`);
  await page.getByLabel('Name', { exact: true }).fill('My Project');
  await page.getByLabel('Address').fill('https://github.com/nestjs/typescript-starter.git');
  await page.getByRole('button', { name: 'Create container' }).click();
  await page.getByText('Some fields have to be corrected.').waitFor();
  await take(page, 'new-container');
  for (const name of ['web-shop', 'docs']) {
    await page.goto(`${url}/containers/${name}`);
    await page
      .getByText(/finished|asks to use/)
      .first()
      .waitFor();
    if (name === 'web-shop') await page.locator('details').first().click();
    await take(page, `agent-${name}`);
  }
  await page.goto(`${url}/containers/web-shop/terminal`);
  await page
    .getByRole('button', { name: /Open a terminal|New terminal/ })
    .first()
    .click();
  await page.getByRole('button', { name: `Close terminal ${theme === 'light' ? 1 : 2}` }).waitFor();
  await page.locator('.xterm').getByText('/workspace').first().waitFor();
  await page.locator('.xterm').click();
  await page.keyboard.type('ls -la --color; echo $SHELL\n');
  await page.waitForTimeout(1_500);
  await take(page, 'terminal');
  await page.goto(`${url}/containers/web-shop/logs`);
  await page.getByRole('log').waitFor();
  await page.waitForTimeout(500);
  await take(page, 'logs');
  for (const [name, path, shown] of [
    ['inbox', '/inbox', 'asks to use'],
    ['changes', '/containers/web-shop/changes', '1 file'],
    ['files', '/containers/web-shop/files?file=a.txt', 'Save'],
    ['ports', '/containers/web-shop/ports', 'Another port'],
    ['metrics', '/containers/web-shop/metrics', 'Memory'],
    ['settings', '/containers/web-shop/settings', 'Spent on models'],
    ['projects', '/admin/projects', 'default'],
    ['users', '/admin/users', 'Invite'],
    ['keys', '/admin/keys', 'New key'],
    ['audit', '/admin/audit', 'container.create'],
    ['health', '/admin/health', 'Database'],
  ] as const) {
    await page.goto(url + path);
    await page.getByText(shown).first().waitFor();
    await page.waitForTimeout(1_000);
    await take(page, name);
  }
  await page.getByRole('link', { name: 'Projects' }).click();
  await page.getByRole('link', { name: 'default' }).click();
  await page.getByText('Spend by day').waitFor();
  await take(page, 'project');
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Command' }).waitFor();
  await take(page, 'palette');
  await page.goto(`${url}/containers/missing`);
  await page.getByText('There is no container').waitFor();
  await take(page, 'container-none');
  await page.setViewportSize({ width: 420, height: 800 });
  await page.goto(`${url}/containers/web-shop`);
  await page
    .getByText(/finished/)
    .first()
    .waitFor();
  await take(page, 'agent-narrow');
  for (const [name, path, shown] of [
    ['containers', '/', 'docs'],
    ['new-container', '/new', 'Create container'],
    ['inbox', '/inbox', 'asks to use'],
    ['project', '/admin/projects', 'default'],
  ] as const) {
    await page.goto(url + path);
    await page.getByText(shown).first().waitFor();
    await page.waitForTimeout(1_000);
    await take(page, `${name}-narrow`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(url);
  await page.getByRole('button', { name: 'More actions for docs' }).click();
  await page.getByRole('menuitem', { name: 'Delete…' }).click();
  await page.waitForTimeout(300);
  await take(page, 'delete');
  await context.clearCookies();
  await page.goto(url);
  await page.getByRole('tab', { name: 'Token' }).waitFor();
  await take(page, 'sign-in');
  await context.close();
  if (complaints.length > 0) process.stdout.write(`${complaints.join('\n')}\n`);
}
