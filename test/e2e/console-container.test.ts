/** The pages of one container in the console, in a browser, over the real server and engine. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { ok } from '../support/api/client.js';
import { type ConsoleBrowser, openConsole } from '../support/console/console-browser.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import { bash, call, say } from '../support/messages-api/replies.js';

const SLOW = { timeout: 30_000 };

describe("the console's pages of a container", () => {
  let server: InstructionsServer;
  let chromium: Browser;
  let browser: ConsoleBrowser;
  let workspace: Workspace;
  let address: string;

  beforeAll(async () => {
    [server, chromium] = await Promise.all([startInstructionsServer(), launchChromium()]);
    workspace = await server.workspace();
    browser = await openConsole(chromium, server, { as: server.api });
    address = `${browser.url}/containers/${workspace.container.name}`;
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    expect(browser.complaints.splice(0)).toEqual([]);
  });
  afterAll(async () => {
    await chromium?.close();
    await server?.dispose();
  }, 60_000);

  const inWorkspace = async (script: string): Promise<void> => {
    const path = `/api/containers/${workspace.container.id}/exec`;
    const body = { command: ['sh', '-euc', script] };
    const { exitCode, stderr } = ok(
      await server.api.request<{ exitCode: number; stderr: string }>('POST', path, { body }),
    );
    expect([exitCode, stderr]).toEqual([0, expect.anything()]);
  };

  it('show what an instruction has changed, and everything since the last commit', async () => {
    await inWorkspace(
      'git init -q; printf "one\\ntwo\\n" > kept.txt; git add .; git -c user.name=a -c user.email=a@b commit -qm first',
    );
    const { model } = workspace;
    model.replyNext(call('Write', { file_path: '/workspace/by-agent.txt', content: 'from the agent\n' }));
    model.replyNext(say('Written.'));
    const { page } = browser;
    await page.goto(address);
    await page.getByLabel('Instruction').fill('Write a file.');
    await page.keyboard.press('Enter');
    const instruction = page.getByRole('article', { name: 'Instruction, finished' });
    await instruction.waitFor(SLOW);
    await instruction.locator('summary').click();
    await instruction
      .getByRole('region', { name: /^Changes of/ })
      .getByText('from the agent')
      .waitFor(SLOW);

    await instruction.getByRole('link', { name: '1 file, +1 −0' }).click();
    await page.getByRole('region', { name: 'Changes of by-agent.txt' }).getByText('from the agent').waitFor(SLOW);
    await inWorkspace('printf "one\\n2\\n" > kept.txt; echo x > "ü new.txt"');
    await page.getByLabel('Changes of', { exact: true }).selectOption('Everything since the last commit');
    await page.getByText('3 files', { exact: true }).waitFor(SLOW);
    const kept = page.getByRole('region', { name: 'Changes of kept.txt' });
    expect((await kept.innerText()).split('\n').join('')).toContain('−two');
    await page.getByRole('button', { name: /ü new.txt/ }).click();
    // What was compared is left as it was.
    await inWorkspace('test -z "$(git diff --cached --name-only)"');
    expect(page.url()).toBe(`${address}/changes`);
  }, 90_000);

  it('have what waits for a person in the inbox of all containers, where it is answered', async () => {
    const { container, model } = await server.workspace({ mode: 'interactive' });
    model.replyNext(bash('echo allowed > allowed.txt'));
    model.replyNext(say('Allowed.'));
    const { page, url } = browser;
    await page.goto(`${url}/inbox`);
    await page.getByText('Nothing waits for you').waitFor(SLOW);
    const path = `/api/containers/${container.id}`;
    ok(await server.api.request('POST', `${path}/instructions`, { body: { prompt: 'Try it.' } }));
    const inbox = page.getByRole('list', { name: 'What waits for you' });
    await inbox.getByRole('link', { name: `${container.name} asks to use Bash` }).waitFor(SLOW);
    await page.getByRole('img', { name: '1 waits' }).waitFor(SLOW);
    expect(await page.title()).toBe('(1) Inbox · DevForge');
    await inbox.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('Nothing waits for you').waitFor(SLOW);
    expect(await page.title()).toBe('Inbox · DevForge');

    ok(await server.api.request('PATCH', `${path}/egress`, { body: { egress: 'restricted' } }));
    const command = ['sh', '-c', 'curl -s -m 9 https://refused.invalid'];
    ok(await server.api.request('POST', `${path}/exec`, { body: { command } }));
    await inbox.getByText(`${container.name} was refused refused.invalid:443`).waitFor(SLOW);
    await inbox.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('Nothing waits for you').waitFor(SLOW);
    const { egressAllow } = ok(await server.api.request<{ egressAllow: object[] }>('GET', path));
    expect(egressAllow).toEqual([{ host: 'refused.invalid', ports: [443] }]);
  }, 90_000);

  it('have what begins to wait said by the browser, which leads to the inbox', async () => {
    const { container, model } = await server.workspace({ mode: 'interactive' });
    model.replyNext(bash('echo asked > asked.txt'));
    const { page, context, url } = await openConsole(chromium, server, { as: server.api });
    await context.grantPermissions(['notifications'], { origin: url });
    // A page of the test is always looked at, and no script sees what the browser has shown.
    await context.addInitScript(`
      Object.defineProperty(document, 'hidden', { get: () => window.isLeft === true });
      window.shown = [];
      window.Notification = class extends Notification {
        constructor(...what) {
          super(...what);
          window.shown.push(this);
        }
      };
    `);
    await page.goto(`${url}/inbox`);
    await page.getByRole('button', { name: 'Notify me in the browser' }).click();
    await page.getByRole('button', { name: 'Turn notifications off' }).waitFor(SLOW);
    await page.getByRole('link', { name: 'Containers' }).click();
    await page.evaluate('window.isLeft = true');
    const path = `/api/containers/${container.id}/instructions`;
    ok(await server.api.request('POST', path, { body: { prompt: 'Try it.' } }));
    await until('a notification', () => page.evaluate<boolean>('window.shown.length > 0'));
    expect(await page.evaluate('shown.map(({ title, body }) => [title, body])')).toEqual([
      [`${container.name} asks to use Bash`, 'echo asked > asked.txt'],
    ]);
    await page.evaluate(`shown[0].dispatchEvent(new Event('click'))`);
    await page.getByRole('heading', { name: 'Inbox' }).waitFor(SLOW);
    await context.close();
  }, 60_000);

  it('browse, edit, upload and download files', async () => {
    await inWorkspace('mkdir -p src; echo "const one = 1;" > src/one.ts; printf "\\000" > data.bin');
    const { page } = browser;
    await page.goto(`${address}/files`);
    const list = page.getByRole('list', { name: 'Files' });
    await list.getByRole('link', { name: 'src' }).click();
    await list.getByRole('link', { name: 'one.ts' }).click();
    const text = page.getByRole('textbox', { name: 'Text of one.ts' });
    await text.waitFor(SLOW);
    expect(page.url()).toBe(`${address}/files?dir=src&file=src%2Fone.ts`);
    await text.press('Control+End');
    await page.keyboard.type('const two = 2;');
    await page.keyboard.press('Control+s');
    await page.getByText('saved', { exact: true }).waitFor(SLOW);
    await inWorkspace('grep -q "const two = 2;" src/one.ts; echo "// other" > src/one.ts');
    await page.keyboard.type('// mine');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('It has changed in the container since it was opened.').waitFor(SLOW);
    // The refusal.
    browser.complaints.length = 0;
    await page.getByRole('button', { name: 'Discard my text' }).click();
    await text.getByText('// other').waitFor(SLOW);

    const file = { name: 'up loaded.txt', mimeType: 'text/plain', buffer: Buffer.from('uploaded\n') };
    await page.getByLabel('Files to upload').setInputFiles(file);
    await list.getByRole('link', { name: file.name }).click();
    await page
      .getByRole('textbox', { name: `Text of ${file.name}` })
      .getByText('uploaded')
      .waitFor(SLOW);
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    expect(await readFile(await (await download).path(), 'utf8')).toBe('uploaded\n');
    await page.getByRole('button', { name: `Delete ${file.name}` }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No file is open').waitFor(SLOW);
    await inWorkspace('test ! -e "src/up loaded.txt"');
    await page.goto(`${address}/files?file=data.bin`);
    await page.getByText('Not a text').waitFor(SLOW);
  }, 60_000);

  it('show metrics, open what listens, and change settings', async () => {
    await inWorkspace(
      'cat > serve.py <<"END"\nfrom http.server import *\nHTTPServer(("127.0.0.1", 8123), SimpleHTTPRequestHandler).serve_forever()\nEND\necho "<h1>served</h1>" > index.html; nohup python3 serve.py >/dev/null 2>&1 &',
    );
    const { page, context } = browser;
    await page.goto(`${address}/metrics`);
    await page.getByRole('figure', { name: /^CPU: CPU \d/ }).waitFor(SLOW);
    await page.getByRole('button', { name: 'Last 5 min' }).click();
    await page.getByRole('button', { name: 'Whole hour' }).click();

    await page.getByRole('link', { name: 'Ports' }).click();
    await page.getByRole('list', { name: 'Ports' }).getByText('python3 serve.py').waitFor(SLOW);
    const opened = context.waitForEvent('page');
    await page.getByRole('button', { name: 'Open port 8123' }).click();
    const preview = await opened;
    await preview.getByRole('heading', { name: 'served' }).waitFor(SLOW);
    await preview.close();

    await page.getByRole('link', { name: 'Settings' }).click();
    const limits = page.getByRole('form', { name: 'Limits' });
    await limits.getByLabel('Memory, MiB').fill('1');
    await limits.getByLabel('Stop after minutes without use').fill('90');
    await limits.getByLabel('Memory, MiB').fill('768');
    await limits.getByRole('button', { name: 'Save' }).click();
    const network = page.getByRole('form', { name: 'Network' });
    await network.getByLabel('May connect to').selectOption('restricted');
    await network.getByLabel('Further hosts').fill('example.org\nexample.net:8443');
    await network.getByRole('button', { name: 'Save' }).click();
    const spend = page.getByRole('form', { name: 'Spend' });
    await spend.getByLabel('Budget, US dollars').fill('2.5');
    await spend.getByRole('button', { name: 'Save' }).click();
    await until('the settings', async () => {
      const { body } = await server.api.request<object>('GET', `/api/containers/${workspace.container.id}`);
      expect(body).toMatchObject({
        memoryLimit: 768,
        idleStopMinutes: 90,
        egress: 'restricted',
        egressAllow: [
          { host: 'example.org', ports: [443] },
          { host: 'example.net', ports: [8443] },
        ],
        budgetUsd: 2.5,
      });
      return true;
    });
  }, 60_000);
});
