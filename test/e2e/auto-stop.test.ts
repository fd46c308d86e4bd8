import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';

const MINUTE_MS = 60_000;
const SMALL = { template: 'claude', cpuLimit: 1, memoryLimit: 512 } as const;

describe('a container that nobody uses', () => {
  let server: TestServer;

  const create = async (changes: Partial<CreateContainer>): Promise<Container> =>
    ok(await server.api.create({ ...SMALL, name: uniqueName('idle'), ...changes }, { prefer: 'wait=60' }));
  const get = async ({ id }: Container): Promise<Container> => ok(await server.api.get(id));
  const exec = (container: Container, command: string[]) =>
    server.api.request<{ stdout: string }>('POST', `/api/containers/${container.id}/exec`, { body: { command } });
  const stopped = (container: Container): Promise<Container> =>
    until(
      'it is stopped',
      async () => {
        const now = await get(container);
        return now.status === 'stopped' && now;
      },
      2 * MINUTE_MS,
    );

  /** A program on a port, and a browser that is signed in to it. */
  const openPreview = async (container: Container): Promise<{ browser: BrowserClient; url: string }> => {
    const serve = 'setsid python3 -m http.server --bind 127.0.0.1 4000 > /dev/null 2>&1 < /dev/null &';
    ok(await exec(container, ['sh', '-c', serve]));
    const path = `/api/containers/${container.id}/ports/4000/preview`;
    const { url } = ok(await server.api.request<{ url: string }>('POST', path));
    const browser = new BrowserClient(server.devforge.url);
    const { headers } = await browser.signIn(url);
    return { browser, url: new URL(headers.location!, url).href };
  };

  beforeAll(async () => {
    server = await startTestServer({ IDLE_STOP_MINUTES: '1' });
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterAll(() => server.dispose());

  it(
    'is stopped after the time that it allows, and starts again with its files when it is used',
    async () => {
      const [unused, other, previewed, used, limited, computing, kept] = await Promise.all([
        create({}),
        create({}),
        create({}),
        create({}),
        create({ idleStopMinutes: null, ttlMinutes: 1 }),
        create({}),
        create({ idleStopMinutes: null }),
      ]);
      expect([unused, limited, kept].map(({ idleStopMinutes, ttlMinutes }) => [idleStopMinutes, ttlMinutes])).toEqual([
        [1, null],
        [null, 1],
        [null, null],
      ]);
      ok(await exec(unused, ['sh', '-c', 'echo kept > /workspace/file']));
      expect(await get(unused)).toMatchObject({ activity: 'exec', lastActivityAt: expect.any(String) });
      ok(await exec(computing, ['sh', '-c', 'setsid sh -c "while :; do :; done" > /dev/null 2>&1 &']));
      const preview = await openPreview(previewed);
      const using = exec(used, ['sleep', '100']);
      const [idle, over] = await Promise.all([stopped(unused), stopped(limited), stopped(other), stopped(previewed)]);
      expect(idle.statusReason).toEqual({ code: 'idle', message: expect.stringContaining('1 minutes') });
      expect(over.statusReason).toMatchObject({ code: 'ttl_expired' });
      const quietFor = Date.parse(idle.updatedAt) - Date.parse(idle.lastActivityAt!);
      expect(quietFor).toBeGreaterThanOrEqual(MINUTE_MS);

      expect(ok(await exec(idle, ['cat', '/workspace/file'])).stdout).toBe('kept\n');
      expect(await get(idle)).toMatchObject({ status: 'running', statusReason: null, activity: 'exec' });
      const socket = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
      const terminal = await TerminalClient.open(socket, other.id);
      await terminal.shows(/\$ *$/m);
      socket.close();
      const file = await fetch(`${server.devforge.url}/api/containers/${limited.id}/files?path=/workspace`, {
        headers: { authorization: `Bearer ${server.devforge.token}` },
      });
      expect(file.status).toBe(200);

      await preview.browser.request(preview.url);
      expect((await get(previewed)).status).toBe('running');

      ok(await using);
      expect((await get(used)).status).toBe('running');
      expect(await get(computing)).toMatchObject({ status: 'running', activity: 'processes' });
      expect((await get(kept)).status).toBe('running');
    },
    4 * MINUTE_MS,
  );

  it('stays stopped when a person has stopped it, and takes other limits at once', async () => {
    const container = await create({});
    ok(await server.api.request('POST', `/api/containers/${container.id}/stop`));
    expect((await exec(container, ['true'])).status).toBe(409);
    expect((await get(container)).status).toBe('stopped');
    const limits = { idleStopMinutes: 30, ttlMinutes: 60 };
    ok(await server.api.request('PATCH', `/api/containers/${container.id}`, { body: limits }));
    expect(await get(container)).toMatchObject(limits);
    const none = { idleStopMinutes: null, ttlMinutes: null };
    ok(await server.api.request('PATCH', `/api/containers/${container.id}`, { body: none }));
    expect(await get(container)).toMatchObject(none);
  });
});
