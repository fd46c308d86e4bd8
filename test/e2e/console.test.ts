/** The console in a browser, over the real server and engine. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ApiClient, ok } from '../support/api/client.js';
import { publicUrlOf } from '../support/api/signed-in.js';
import { type ConsoleBrowser, openConsole } from '../support/console/console-browser.js';
import { closeContexts, launchChromium } from '../support/e2e/chromium.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { bash, say } from '../support/messages-api/replies.js';
import { seriousFindings } from '../support/console/accessibility.js';
import { type InstructionsServer, startInstructionsServer } from '../support/instructions/instructions-server.js';

const SLOW = { timeout: 30_000 };

describe('the console', () => {
  let server: InstructionsServer;
  let chromium: Browser;
  let url: string;
  let browser: ConsoleBrowser | undefined;

  beforeAll(async () => {
    [server, chromium] = await Promise.all([startInstructionsServer(), launchChromium()]);
    url = publicUrlOf(server.devforge);
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    const { complaints = [] } = browser ?? {};
    browser = undefined;
    await closeContexts(chromium);
    expect(complaints).toEqual([]);
  });
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
  }, 60_000);

  const strangerAt = (accept: string) => new ApiClient(server.devforge.url, null, { accept });

  it('is the page at every address that is none of the API, from DevForge alone', async () => {
    const people = strangerAt('text/html,application/xhtml+xml,*/*;q=0.8');
    for (const path of ['/', '/containers/web', '/welcome']) {
      const { status, headers, body } = await people.request<string>('GET', path);
      expect([path, status, headers.get('content-type')]).toEqual([path, 200, 'text/html; charset=utf-8']);
      expect(headers.get('cache-control')).toBe('no-cache');
      expect(headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(body).not.toMatch(/<script(?![^>]* src=")|https?:\/\//);
    }
    for (const path of ['/api/nothing', '/api', '/docs/nothing', '/health/nothing', '/assets/nothing.js', '/.env'])
      expect([path, (await strangerAt('*/*').request('GET', path)).status]).toEqual([path, 404]);
    for (const path of ['/api/nothing', '/docs/nothing', '/health/nothing'])
      expect([path, (await people.request('GET', path)).status]).toEqual([path, 404]);
  });

  it('sends its files compressed, and lets browsers keep them', async () => {
    const page = await strangerAt('text/html').request<string>('GET', '/');
    const script = /src="(\/assets\/[^"]+\.js)"/.exec(page.body)![1]!;
    for (const encoding of ['br', 'gzip', 'identity']) {
      const { headers } = await fetch(server.devforge.url + script, { headers: { 'Accept-Encoding': encoding } });
      expect(headers.get('content-encoding')).toBe(encoding === 'identity' ? null : encoding);
      expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
      expect(headers.get('content-type')).toMatch(/javascript/);
      expect(headers.get('vary')).toContain('Accept-Encoding');
    }
  });

  it('shows containers as they change, without a reload', async () => {
    browser = await openConsole(chromium, server, { as: server.api });
    const { page } = browser;
    await page.getByText('No containers yet').waitFor(SLOW);
    const { container } = await server.workspace();
    const row = page.getByRole('row', { name: new RegExp(container.name) });
    await row.getByText('running').waitFor(SLOW);
    await row.getByText('no agent').waitFor(SLOW);
    await row.getByText(/\d%/).waitFor(SLOW);
    await row.getByRole('button', { name: `Stop ${container.name}` }).click();
    await row.getByText('stopped').waitFor(SLOW);
    await row.getByRole('button', { name: `More actions for ${container.name}` }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No containers yet').waitFor(SLOW);
    expect((await server.api.request('GET', `/api/containers/${container.id}`)).status).toBe(404);
  }, 90_000);

  it('leads from the form to a finished instruction and a terminal that survives a restart of DevForge', async () => {
    browser = await openConsole(chromium, server, { as: server.api });
    const { page } = browser;
    const name = uniqueName('console');
    const model = server.model.model(name);
    model.replyNext(bash('echo from-the-agent > seen.txt; cat seen.txt'));
    model.replyNext(say('I have **written** it.'));
    await page.getByRole('link', { name: 'New container' }).first().click();
    await page.getByLabel('Name', { exact: true }).fill('Not A Label');
    await page.getByLabel('What is installed').selectOption('claude');
    await page.getByLabel('Mode').selectOption('autonomous');
    await page.getByLabel('Memory, MiB').fill('1024');
    const env = Object.entries(model.env).map(([key, value]) => `${key}=${value}`);
    await page.getByLabel('Environment variables').fill(env.join('\n'));
    await page.getByRole('button', { name: 'Create container' }).click();
    const field = page.getByLabel('Name', { exact: true });
    await page.getByText('Some fields have to be corrected.').waitFor(SLOW);
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    browser.complaints.length = 0;
    await field.fill(name);
    await page.getByRole('button', { name: 'Create container' }).click();
    await page.getByRole('heading', { name }).waitFor(SLOW);
    const { id } = ok(await server.api.request<{ id: string }>('GET', `/api/containers/${name}`));
    server.api.accepted.add(id);

    await page.getByLabel('Instruction').fill('Write a file.', { timeout: 60_000 });
    await page.keyboard.press('Enter');
    await page.getByText('written', { exact: true }).waitFor({ timeout: 60_000 });
    await page.getByRole('article', { name: 'Instruction, finished' }).waitFor(SLOW);
    await page.locator('summary').click();
    await page.getByText('from-the-agent', { exact: true }).waitFor(SLOW);

    await page.getByRole('link', { name: 'Terminal' }).click();
    await page.getByRole('button', { name: 'Open a terminal' }).click();
    await page.getByText('/workspace$').first().waitFor(SLOW);
    await page.locator('.xterm').click();
    await page.keyboard.type('expr 6 \\* 7\n');
    await page.getByText('42', { exact: true }).waitFor(SLOW);
    await server.devforge.restart();
    browser.complaints.length = 0;
    await page.getByText('42', { exact: true }).waitFor(SLOW);
    await page.keyboard.type('expr 50 + 5\n');
    await page.getByText('55', { exact: true }).waitFor(SLOW);
    // What failed while the server was away.
    browser.complaints.length = 0;

    await page.getByRole('link', { name: 'Logs' }).click();
    await page.getByRole('log').getByText('opened, 80 by 24').waitFor(SLOW);
  }, 150_000);

  it('shows what is wrong with a new container at its fields, and the same request as a command', async () => {
    browser = await openConsole(chromium, server, { as: server.api });
    const { page } = browser;
    await page.getByRole('link', { name: 'New container' }).first().click();
    await page.getByLabel('May connect to').selectOption('Only what is listed');
    for (const [label, text] of [
      ['Name', 'Not A Label'],
      ['Address', 'no address'],
      ['Branch, tag or commit', '-x'],
      ['Name in commits', '<'],
      ['Further hosts', 'no host!'],
      ['Environment variables', 'LD_PRELOAD=x'],
      ['Stop after minutes without use', '0'],
      ['Stop after minutes in all', '60'],
      ['Budget, US dollars', '0'],
      ['Start at', 'at eight'],
    ] as const)
      await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByLabel("The model's API").check();
    const command = page.getByRole('complementary', { name: 'The same as a command' });
    for (const text of [
      '"idleStopMinutes": null',
      '"ttlMinutes": 60',
      '"budgetUsd": 0',
      '"host": "no host!"',
      '"model"',
    ])
      expect(await command.innerText()).toContain(text);
    await page.getByRole('button', { name: 'Create container' }).click();
    await page.getByText('Some fields have to be corrected.').waitFor(SLOW);
    const invalid = await page.evaluate(
      `[...document.querySelectorAll('[aria-invalid=true]')].map(({ labels }) => labels[0].textContent)`,
    );
    expect(invalid).toEqual([
      'Name',
      'Address',
      'Branch, tag or commit',
      'Name in commits',
      'Further hosts',
      'Environment variables',
      'Budget, US dollars',
      'Start at',
    ]);
    expect(await page.evaluate('document.activeElement.labels[0].textContent')).toBe('Name');
    // The refusal.
    browser.complaints.length = 0;
  }, 60_000);

  it('has a permission answered where it is asked for', async () => {
    const { container, model } = await server.workspace({ mode: 'interactive' });
    model.replyNext(bash('echo allowed > allowed.txt'));
    model.replyNext(say('Allowed.'));
    ok(
      await server.api.request('POST', `/api/containers/${container.id}/instructions`, { body: { prompt: 'Try it.' } }),
    );
    browser = await openConsole(chromium, server, { as: server.api });
    const { page } = browser;
    const row = page.getByRole('row', { name: new RegExp(container.name) });
    await row.getByText('waiting').waitFor(SLOW);
    await row.getByText(/Bash: echo allowed/).waitFor(SLOW);
    await row.getByRole('link').click();
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByRole('article', { name: 'Instruction, finished' }).waitFor(SLOW);
  }, 90_000);

  it('is used by the keyboard alone, from the sign-in to an answered permission', async () => {
    const { container, model } = await server.workspace({ mode: 'interactive' });
    model.replyNext(bash('echo allowed > allowed.txt'));
    model.replyNext(say('Allowed.'));
    const path = `/api/containers/${container.id}/instructions`;
    ok(await server.api.request('POST', path, { body: { prompt: 'Try it.' } }));
    const page = await (await chromium.newContext()).newPage();
    const press = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await page.keyboard.press(key);
    };
    /** Moves on until something has the focus. */
    const tabTo = async (name: string): Promise<void> => {
      const focused = `document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent`;
      for (let count = 0; count < 40; count += 1) {
        await press('Tab');
        if ((await page.evaluate(focused)) === name) return;
      }
      throw new Error(`No key leads to ${name}.`);
    };
    await page.goto(url);
    await page.getByRole('tab', { name: 'Token' }).waitFor(SLOW);
    await tabTo('Password');
    await press('ArrowRight', 'Enter', 'Tab', 'Tab');
    await page.keyboard.type(server.devforge.token);
    await press('Enter');
    await page.getByRole('heading', { name: 'Containers' }).waitFor(SLOW);
    await press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor(SLOW);
    await press('Escape');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'hidden' });
    await press('Control+k');
    await page.getByRole('combobox', { name: 'Command' }).waitFor(SLOW);
    await page.keyboard.type(container.name);
    await press('Enter');
    await page.getByRole('heading', { name: container.name }).waitFor(SLOW);
    await press('g', 'i');
    await page.getByRole('link', { name: `${container.name} asks to use Bash` }).waitFor(SLOW);
    await tabTo('Allow');
    await press('Enter');
    await page.getByText('Nothing waits for you').waitFor(SLOW);
    await until('the end of the instruction', async () => {
      const { items } = ok(await server.api.request<{ items: { status: string }[] }>('GET', path));
      return items[0]!.status === 'succeeded';
    });
  }, 90_000);

  it('administers projects, users and keys, and shows who did what', async () => {
    browser = await openConsole(chromium, server, { as: server.api });
    const { page } = browser;
    await page.getByRole('link', { name: 'Administration' }).click();
    const name = uniqueName('team');
    await page.getByLabel('New project').fill(name);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('heading', { name: `Projects / ${name}` }).waitFor(SLOW);
    const quotas = page.getByRole('form', { name: 'Quotas and budgets' });
    await quotas.getByLabel('Running containers').fill('4');
    await quotas.getByLabel('US dollars a day').fill('50');
    await quotas.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('meter', { name: 'Spent today' }).waitFor(SLOW);
    expect(await page.getByRole('meter', { name: 'Running containers' }).getAttribute('aria-valuetext')).toBe('0 of 4');
    expect(await page.getByRole('list', { name: 'Days' }).getByRole('listitem').count()).toBe(30);

    await page.getByRole('link', { name: 'Users' }).click();
    await page.getByLabel('Name').fill('Ann');
    await page.getByLabel('E-mail address').fill(`${name}@example.org`);
    await page.getByRole('button', { name: 'Invite' }).click();
    await page.getByText(/\/invitation#/).waitFor(SLOW);
    await page.getByRole('link', { name: 'Projects' }).click();
    await page.getByRole('link', { name }).click();
    await page.getByLabel('User to add').selectOption(`Ann (${name}@example.org)`);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByLabel('Role of Ann').selectOption('owner');
    const rolesOf = async (): Promise<string[]> =>
      ok(await server.api.request<{ items: { role: string }[] }>('GET', `/api/projects/${name}/members`)).items.map(
        ({ role }) => role,
      );
    await until('Ann to be an owner', async () => (await rolesOf())[0] === 'owner');
    await page.getByRole('button', { name: 'Remove Ann' }).click();
    await page.getByText('Nobody is a member.').waitFor(SLOW);
    expect(await rolesOf()).toEqual([]);
    await page.getByRole('link', { name: 'Users' }).click();
    await page.getByRole('button', { name: 'Disable Ann' }).click();
    await page.getByRole('cell', { name: 'disabled' }).waitFor(SLOW);
    await page.getByRole('button', { name: 'Delete Ann' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No users yet').waitFor(SLOW);

    await page.getByRole('link', { name: 'API keys' }).click();
    await page.getByLabel('New key').fill(`key of ${name}`);
    await page.getByLabel('Project').selectOption(name);
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByText(/^df_/).waitFor(SLOW);
    await page.getByRole('button', { name: `Revoke key of ${name}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('alertdialog').waitFor({ state: 'hidden', ...SLOW });
    await page.getByRole('button', { name: `Revoke key of ${name}` }).waitFor({ state: 'hidden', ...SLOW });

    await page.getByRole('link', { name: 'Audit' }).click();
    await page.getByLabel('On what').fill(name);
    await page.getByRole('button', { name: 'Filter' }).click();
    await page.waitForURL(/target=/);
    await page.getByRole('cell', { name: 'project.create', exact: true }).waitFor(SLOW);
    await page.getByRole('link', { name: 'Health' }).click();
    await page.getByRole('listitem').filter({ hasText: 'Database' }).getByText('up', { exact: true }).waitFor(SLOW);

    await page.getByRole('link', { name: 'Projects' }).click();
    await page.getByRole('link', { name }).click();
    await page.getByRole('button', { name: `Delete ${name}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.waitForURL(`${url}/admin/projects`);
    await page.getByRole('link', { name }).waitFor({ state: 'hidden', ...SLOW });
    expect((await server.api.request('GET', `/api/projects/${name}`)).status).toBe(404);
  }, 60_000);

  it('offers a viewer nothing that would be refused', async () => {
    const { container } = await server.workspace();
    const key = await server.api.request<{ key: string }>('POST', '/api/api-keys', {
      body: { name: 'viewer', projectId: container.projectId, role: 'viewer' },
    });
    browser = await openConsole(chromium, server, { as: new ApiClient(server.devforge.url, ok(key).key) });
    const { page, url } = browser;
    const row = page.getByRole('row', { name: new RegExp(container.name) });
    await row.getByText('running').waitFor(SLOW);
    expect(await row.getByRole('button').count()).toBe(0);
    expect(await page.getByRole('link', { name: 'New container' }).count()).toBe(0);
    await page.goto(`${url}/containers/${container.name}`);
    await page.getByText('Nothing has been asked yet').waitFor(SLOW);
    expect(await page.getByLabel('Instruction').count()).toBe(0);
    const tabs = page.getByRole('navigation', { name: `Parts of ${container.name}` }).getByRole('link');
    expect(await tabs.allInnerTexts()).toEqual(['Agent', 'Changes', 'Metrics', 'Logs', 'Settings']);
    await tabs.filter({ hasText: 'Settings' }).click();
    await page.getByRole('form', { name: 'Limits' }).waitFor(SLOW);
    expect(await page.getByRole('button', { name: 'Save' }).count()).toBe(0);
    expect(await page.getByLabel('Memory, MiB').isDisabled()).toBe(true);
    await page.getByRole('link', { name: 'Administration' }).click();
    await page.getByRole('cell', { name: 'default' }).getByRole('link').click();
    await page.getByRole('heading', { name: 'Used of its quotas' }).waitFor(SLOW);
    const pages = page.getByRole('navigation', { name: 'Administration' }).getByRole('link');
    expect(await pages.allInnerTexts()).toEqual(['Projects']);
    expect(await page.getByRole('main').getByRole('button').count()).toBe(0);
  }, 90_000);

  it('is accessible on every page, in both themes', async () => {
    const { name } = (await server.workspace()).container;
    browser = await openConsole(chromium, server, { as: server.api });
    const { page, url } = browser;
    const findings: string[] = [];
    const look = async (path: string): Promise<void> => {
      findings.push(...(await seriousFindings(page)).map((finding) => `${path} ${finding}`));
      await page.emulateMedia({ colorScheme: 'dark' });
      const dark = await seriousFindings(page, ['color-contrast']);
      findings.push(...dark.map((finding) => `${path} in the dark theme ${finding}`));
      await page.emulateMedia({ colorScheme: 'light' });
    };
    for (const [path, shown] of [
      ['/', name],
      ['/?q=nothing-like-it', 'No container matches'],
      ['/new', 'Create container'],
      [`/containers/${name}`, 'Nothing has been asked yet'],
      [`/containers/${name}/terminal`, 'New terminal'],
      [`/containers/${name}/logs`, 'Download'],
      [`/containers/${name}/changes`, 'There is no repository'],
      [`/containers/${name}/files`, 'This directory is empty'],
      [`/containers/${name}/ports`, 'No program listens'],
      [`/containers/${name}/metrics`, 'Memory'],
      [`/containers/${name}/settings`, 'Spent on models'],
      ['/inbox', 'Nothing waits for you'],
      ['/admin/projects', 'default'],
      ['/admin/users', 'Invite'],
      ['/admin/keys', 'New key'],
      ['/admin/audit', 'container.create'],
      ['/admin/health', 'Database'],
    ] as const) {
      // As a link of the page does, which is faster than loading it anew each time.
      await page.evaluate(`history.pushState(null, '', ${JSON.stringify(path)})`);
      await page.getByText(shown).first().waitFor(SLOW);
      await look(path);
    }
    await page.context().clearCookies();
    await page.goto(url);
    await page.getByRole('tab', { name: 'Token' }).waitFor(SLOW);
    await look('sign-in');
    // Nobody is signed in.
    browser.complaints.length = 0;
    expect(findings).toEqual([]);
  }, 120_000);
});
