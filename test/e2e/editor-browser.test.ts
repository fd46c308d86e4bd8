import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ok } from '../support/api/client.js';
import { newSignedInUser, PASSWORD } from '../support/api/signed-in.js';
import type { Container } from '../support/api/types.js';
import { launchChromium } from '../support/e2e/chromium.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { gitFixture, startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import type { GitServers } from '../support/git/git-servers.js';

const SLOW = { timeout: 60_000 };
const A_MINUTE_MS = 60_000;

describe('a browser', () => {
  let server: TestServer;
  let git: GitServers;
  let browser: Browser;
  let container: Container;
  const contexts: BrowserContext[] = [];
  /** The editor of the first test, which stays open until the last one, and how many of its sockets closed since then. */
  let editor: {
    page: Page;
    connectedAt: number;
    closedSockets: () => number;
    type: (command: string, file: string) => Promise<void>;
  };

  const link = async (action: string): Promise<string> =>
    ok(await server.api.request<{ url: string }>('POST', `/api/containers/${container.id}/${action}`)).url;
  const newBrowser = async (): Promise<Page> => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    contexts.push(context);
    return context.newPage();
  };
  const inside = async (script: string): Promise<string> => {
    const { stdout } = await server.engine.exec(container.dockerId!, ['bash', '-lc', script], {
      user: '1000',
      cwd: '/workspace',
    });
    return stdout.trim();
  };

  beforeAll(async () => {
    server = await startTestServer();
    git = await gitFixture(server);
    await ensureImages(server, 'both');
    browser = await launchChromium();
    const { id } = ok(
      await server.api.create({
        name: uniqueName(),
        template: 'both',
        repoType: 'clone',
        repoUrl: git.url('https', 'open'),
        memoryLimit: 3072,
      }),
    );
    container = await server.api.waitForStatus(id, 'running', 120_000);
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.dispose();
    await git?.close();
  }, 60_000);

  it('works in VS Code on the cloned repository, and in its terminal', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    let closed = 0;
    page.on('websocket', (socket) => socket.on('close', () => closed++));
    await page.goto(await link('editor'), SLOW);
    await page.locator('.monaco-workbench').waitFor(SLOW);
    expect(new URL(page.url()).hostname).toBe(`${container.name}.localhost`);

    const readme = page.locator('.explorer-folders-view').getByText('README.md', { exact: true });
    await readme.waitFor(SLOW);
    await readme.dblclick();
    await page.locator('.view-lines').getByText('hello').first().waitFor(SLOW);

    await page.keyboard.press('Control+Shift+Backquote');
    const terminal = page.locator('.terminal-wrapper.active .xterm-helper-textarea').first();
    await terminal.waitFor({ state: 'attached', ...SLOW });
    // A shell that is still starting may lose what is typed, so it is typed again after a while.
    const type = (command: string, file: string): Promise<void> =>
      until(
        `the terminal to run ${command}`,
        async () => {
          await terminal.focus();
          await page.keyboard.type(`${command}\n`, { delay: 5 });
          await until(file, async () => (await inside(`cat ${file} 2>/dev/null`)) !== '', 3_000);
          return true;
        },
        45_000,
      ).then(() => undefined);
    await type('pwd > /tmp/from-terminal', '/tmp/from-terminal');
    expect(await inside('cat /tmp/from-terminal')).toBe('/workspace');
    await type('env > /tmp/environment', '/tmp/environment');
    expect(
      await inside(
        'grep -c DEVFORGE_EDITOR /tmp/environment; cat /proc/[0-9]*/cmdline | tr "\\0" "\\n" | grep -c "^--import=.*preload"',
      ),
    ).toBe('0\n2');
    expect(await inside('grep ^VSCODE_PROXY_URI= /tmp/environment')).toBe(
      `VSCODE_PROXY_URI=http://{{port}}--${container.name}.localhost:${new URL(server.devforge.url).port}/`,
    );
    // Of the agent that VS Code brings along, a process of 130 MB and one more, nothing runs.
    expect(await inside('pgrep -fc "type=[a]gentHost|copilot-[r]untime" || true')).toBe('0');
    const closedAtFirst = closed;
    editor = { page, connectedAt: Date.now(), closedSockets: () => closed - closedAtFirst, type };
  }, 240_000);

  it('that is not signed in gets neither a page nor a WebSocket', async () => {
    const url = new URL(await link('editor'));
    const page = await newBrowser();
    const answer = await page.goto(`${url.origin}/`);
    expect(answer!.status()).toBe(401);
    const opened = await page.evaluate(
      (address) =>
        new Promise<boolean>((resolve) =>
          Object.assign(new WebSocket(address), { onopen: () => resolve(true), onerror: () => resolve(false) }),
        ),
      `ws://${url.host}/stable-x?reconnectionToken=x`,
    );
    expect(opened).toBe(false);
  });

  it('shows a development server of the container with hot reload', async () => {
    await inside(`mkdir -p site && cd site && echo '<h1 id="word">before</h1><script type="module" src="/main.js"></script>' > index.html \\
      && echo 'import { word } from "./word.js"; document.title = word; import.meta.hot.accept("./word.js", (changed) => { document.title = changed.word; });' > main.js \\
      && echo 'export const word = "first";' > word.js && npm init -y > /dev/null && npm install --no-audit --no-fund vite@7 > /tmp/npm.log 2>&1; cat /tmp/npm.log
      (setsid env __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS=.dev.example.org npx vite > /tmp/vite.log 2>&1 < /dev/null &) ; for i in $(seq 100); do curl -s -o /dev/null http://localhost:5173/ && break; sleep 0.2; done`);
    // As in a container of a server with EDITOR_DOMAIN=dev.example.org.
    const status = (host: string): Promise<string> =>
      inside(`curl -s -o /dev/null -w '%{http_code}' -H 'Host: 5173--web.${host}' http://localhost:5173/`);
    expect([await status('dev.example.org'), await status('evil.example')]).toEqual(['200', '403']);
    const page = await newBrowser();
    await page.goto(await link('ports/5173/preview'), SLOW);
    expect(new URL(page.url()).hostname).toBe(`5173--${container.name}.localhost`);
    await page.waitForFunction(`document.title === 'first'`, undefined, SLOW);
    await page.evaluate(() => Object.assign(globalThis, { stillThere: true }));
    await inside(`echo 'export const word = "second";' > site/word.js`);
    await page.waitForFunction(`document.title === 'second'`, undefined, SLOW);
    // Hot, so without a new page.
    expect(await page.evaluate(() => 'stillThere' in globalThis)).toBe(true);
    await inside(`sed -i s/before/after/ site/index.html`);
    await page.locator('#word').getByText('after').waitFor(SLOW);
  }, 180_000);

  it('runs a front end on one port with its API on another, and lets no other page call the API', async () => {
    await inside(`cat > /tmp/app.js <<'APP'
      const http = require('node:http');
      http.createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<title>front end</title>')).listen(5300, '127.0.0.1');
      // As usual, it allows the one origin at which its developer has the front end.
      const api = http.createServer((request, response) => {
        response.setHeader('Access-Control-Allow-Origin', 'http://localhost:5300');
        let body = '';
        request.on('data', (chunk) => (body += chunk)).on('end', () => response.end(JSON.stringify({ method: request.method, body, session: request.headers.cookie ?? '' })));
      });
      api.on('upgrade', (request, socket) => {
        const accept = require('node:crypto').createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
        socket.write('HTTP/1.1 101 Switching Protocols\\r\\nConnection: Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
      });
      api.listen(5301, '127.0.0.1');
APP
      (setsid node /tmp/app.js > /tmp/app.log 2>&1 < /dev/null &) ; for i in $(seq 100); do curl -s -o /dev/null http://127.0.0.1:5301/ && break; sleep 0.1; done`);
    const { port } = new URL(server.devforge.url);
    const api = `http://5301--${container.name}.localhost:${port}`;
    const call = (page: Page): Promise<unknown> =>
      page.evaluate(async (url) => {
        const options = { credentials: 'include' as const };
        const json = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"a":1}' };
        const got = await fetch(`${url}/items`, options).then((answer) => answer.json());
        const put = await fetch(`${url}/items`, { ...options, ...json }).then((answer) => answer.json());
        const socket = await new Promise((resolve) =>
          Object.assign(new WebSocket(url.replace('http', 'ws')), {
            onopen: () => resolve('open'),
            onerror: () => resolve('refused'),
          }),
        );
        return { got, put, socket };
      }, api);
    const page = await newBrowser();
    await page.goto(await link('ports/5300/preview'), SLOW);
    expect(await page.title()).toBe('front end');
    expect(await call(page)).toEqual({
      got: { method: 'GET', body: '', session: '' },
      put: { method: 'PUT', body: '{"a":1}', session: '' },
      socket: 'open',
    });
    // In the same browser, which has all the cookies.
    const foreign = await page.context().newPage();
    for (const origin of [`http://5300--another.localhost:${port}`, 'http://evil.example']) {
      await foreign.route(`${origin}/`, (route) => route.fulfill({ contentType: 'text/html', body: 'foreign' }));
      await foreign.goto(`${origin}/`);
      const outcome = await call(foreign).catch((error: Error) => error.message);
      expect(outcome).toContain('Failed to fetch');
    }
  }, 90_000);

  it('that is signed in to VS Code opens a port without a link, and one that is not can sign in', async () => {
    const page = await newBrowser();
    await page.goto(await link('editor'), SLOW);
    const preview = await page.context().newPage();
    const { port } = new URL(server.devforge.url);
    const url = `http://5300--${container.name}.localhost:${port}/deep?x=1`;
    await preview.goto(url);
    await preview.waitForURL(url, SLOW);
    await preview.waitForFunction(`document.title === 'front end'`, undefined, SLOW);

    const stranger = await newBrowser();
    await stranger.goto(url);
    await stranger.waitForURL(/\/\.devforge\/sign-in/, SLOW);
    await stranger.getByRole('link', { name: 'Sign in' }).click();
    await stranger.getByLabel('DevForge token').fill('a wrong token');
    await stranger.getByRole('button', { name: 'Open' }).click();
    await stranger.getByText('This token is not valid.').waitFor(SLOW);
    await stranger.getByLabel('DevForge token').fill(server.devforge.token);
    await stranger.getByRole('button', { name: 'Open' }).click();
    // The page that asks for the token forbids what the next line would evaluate in it.
    await stranger.waitForURL(({ host }) => host === new URL(url).host, SLOW);
    await stranger.waitForFunction(`document.title === 'front end'`, undefined, SLOW);

    const user = { email: 'ada@example.org', projects: { [container.projectId]: 'member' } };
    await newSignedInUser(server.api, user);
    const member = await newBrowser();
    await member.goto(url);
    await member.waitForURL(/\/\.devforge\/sign-in/, SLOW);
    await member.getByRole('link', { name: 'Sign in' }).click();
    await member.getByLabel('Email').fill(user.email);
    await member.getByLabel('Password').fill(PASSWORD);
    await member.getByRole('button', { name: 'Sign in' }).click();
    await member.waitForURL(({ host }) => host === new URL(url).host, SLOW);
    await member.waitForFunction(`document.title === 'front end'`, undefined, SLOW);
  }, 120_000);

  it('is still connected to VS Code after a minute', async () => {
    const { connectedAt, closedSockets, type } = editor;
    // The minute is what is tested: proxies and tunnels close connections that were idle for that long.
    await delay(Math.max(0, connectedAt + A_MINUTE_MS - Date.now()));
    expect(closedSockets()).toBe(0);
    await type('git branch --show-current > /tmp/a-minute-later', '/tmp/a-minute-later');
    expect(await inside('cat /tmp/a-minute-later')).toBe('main');
    const { editor: seen } = ok(await server.api.get(container.id));
    expect(Date.now() - Date.parse(seen!.lastSeenAt!)).toBeLessThan(2 * A_MINUTE_MS);
  }, 150_000);

  it('says within seconds in an open VS Code that the container was stopped, and starts it', async () => {
    const { page } = editor;
    expect(await page.title()).toContain(container.name);
    ok(await server.api.stop(container.id));
    const notice = page.locator('#devforge-notice');
    await notice.getByText('The container is stopped.').waitFor({ timeout: 10_000 });
    await notice.getByRole('button', { name: 'Start' }).click();
    await notice.waitFor({ state: 'detached', ...SLOW });
    await page.locator('.monaco-workbench').waitFor(SLOW);
    expect(ok(await server.api.get(container.id)).status).toBe('running');
  }, 150_000);
});
