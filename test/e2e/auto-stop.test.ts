import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import type { Container, CreateContainer } from '../support/api/types.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { type InstructionsServer, startInstructionsServer } from '../support/instructions/instructions-server.js';
import { bash, say } from '../support/messages-api/replies.js';
import { SocketClient } from '../support/sockets/socket-client.js';
import { TerminalClient } from '../support/terminals/terminal-client.js';

const MINUTE_MS = 60_000;
const SMALL = { template: 'claude', cpuLimit: 1, memoryLimit: 512 } as const;

describe('a container that nobody uses', () => {
  let server: InstructionsServer;

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

  /** One whose agent asks for a permission, with the instruction that it is for. */
  const startWaiting = async (): Promise<{ container: Container; instructionId: string }> => {
    const { container, model } = await server.workspace({
      mode: 'interactive',
      idleStopMinutes: null,
      waitingStopMinutes: 1,
    });
    model.replyNext(bash('touch /workspace/never'));
    const { id } = await server.instructions.create(container.id, 'Ask me.');
    return { container, instructionId: id };
  };

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
    server = await startInstructionsServer({ IDLE_STOP_MINUTES: '1' });
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
      const watcher = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
      await watcher.ask('subscribe:status', {});
      const waiting = await startWaiting();
      const using = exec(used, ['sleep', '100']);
      const [idle, over] = await Promise.all([stopped(unused), stopped(limited), stopped(other), stopped(previewed)]);
      expect(idle.statusReason).toEqual({ code: 'idle', message: expect.stringContaining('1 minutes') });
      expect(over.statusReason).toMatchObject({ code: 'ttl_expired' });
      const quietFor = Date.parse(idle.updatedAt) - Date.parse(idle.lastActivityAt!);
      expect(quietFor).toBeGreaterThanOrEqual(MINUTE_MS);

      // From the beginning of the waiting, subscribers know when it will be stopped.
      const waited = await stopped(waiting.container);
      expect(waited.statusReason).toMatchObject({ code: 'waiting' });
      const told = watcher.all('status:update').filter(({ containerId }) => containerId === waited.id);
      const { agent, waitingStopAt } = told.find((update) => update.agent?.state === 'waiting')!;
      expect(Date.parse(waitingStopAt!) - Date.parse(agent!.since!)).toBeGreaterThanOrEqual(MINUTE_MS);
      expect(Date.parse(waited.updatedAt)).toBeGreaterThanOrEqual(Date.parse(waitingStopAt!));
      watcher.close();
      await expect(server.instructions.waitForEnd(waiting.instructionId)).resolves.toMatchObject({
        status: 'failed',
        statusReason: { code: 'container_stopped' },
      });

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

  it('is started and stopped by its schedule, once an instruction in it has ended', async () => {
    const { container, model } = await server.workspace({ idleStopMinutes: null });
    const path = `/api/containers/${container.id}`;
    const change = async (schedule: CreateContainer['schedule']): Promise<Container> =>
      ok(await server.api.request<Container>('PATCH', path, { body: { schedule } }));
    const { promise, resolve } = Promise.withResolvers<void>();
    model.replyNext(async () => (await promise, say('Done.')));
    const { id } = await server.instructions.create(container.id, 'Take your time.');
    await server.instructions.waitFor(id, 'to run', ({ status }) => status === 'running');

    const changed = await change({ stop: '*/2 * * * * *' });
    expect(changed.schedule).toMatchObject({ start: null, stop: '*/2 * * * * *', timeZone: 'UTC', nextStart: null });
    expect(Date.parse(changed.schedule!.nextStop!)).toBeGreaterThan(Date.parse(changed.createdAt));
    // Long enough for the schedule to be looked at a few times.
    await sleep(12_000);
    expect((await get(container)).status).toBe('running');
    resolve();
    await expect(server.instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded' });
    expect((await stopped(container)).statusReason).toMatchObject({ code: 'schedule' });

    await change({ start: '*/2 * * * * *', timeZone: 'Europe/Berlin' });
    await server.api.waitForStatus(container.id, 'running');
    const next = new Date(Date.now() + 24 * 60 * MINUTE_MS);
    const daily = `${next.getUTCMinutes()} ${next.getUTCHours()} * * *`;
    expect((await change({ start: null, stop: daily })).schedule).toMatchObject({ timeZone: 'UTC', nextStart: null });
    expect((await change(null)).schedule).toBeNull();
    const refused = await server.api.request('PATCH', path, { body: { schedule: { start: '0 25 * * *' } } });
    expect(problem(refused)).toMatchObject({
      code: 'validation_failed',
      errors: [{ field: 'schedule', messages: [expect.stringContaining('Invalid value for hour: 25')] }],
    });
  }, 120_000);
});
