/** Events of instructions by REST and Socket.io while the real Claude Code executes them. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { BlockedInstructions } from '../support/instructions/blocked-instructions.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import {
  type Instruction,
  type InstructionEvent,
  type InstructionsClient,
  seqsOf,
  range,
} from '../support/instructions/instructions-client.js';
import { bash, say } from '../support/messages-api/replies.js';
import type { LogLine } from '@devforge/contract';
import { SocketClient } from '../support/sockets/socket-client.js';

jest.setTimeout(120_000);

describe('the events of an instruction', () => {
  let server: InstructionsServer;
  let instructions: InstructionsClient;
  let workspace: Workspace;
  const clients: SocketClient[] = [];
  const blocked = new BlockedInstructions();

  beforeAll(async () => {
    server = await startInstructionsServer();
    ({ instructions } = server);
    workspace = await server.workspace();
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    clients.splice(0).forEach((client) => client.close());
    blocked.releaseAll();
    workspace.model.clearScript();
  });
  afterAll(() => server?.dispose(), 60_000);

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  const startBlocked = (of = workspace) => blocked.start(instructions, of);
  const get = async (id: string): Promise<Instruction> => ok(await instructions.get(id));

  describe('over REST', () => {
    it('arrive as they occur, and end with the instruction', async () => {
      const { id, release } = await startBlocked();
      const seen: InstructionEvent[] = [];
      const reading = (async () => {
        for await (const event of instructions.follow(id)) seen.push(event);
      })();
      await until(
        'the init event',
        () => seen.some(({ event }) => event.type === 'system' && event.subtype === 'init'),
        60_000,
      );
      // Time in which events that are held back would arrive.
      await sleep(300);
      const before = seen.length;
      release();
      await reading;
      expect(seen.length).toBeGreaterThan(before);
      expect(seqsOf(seen)).toEqual(range((await get(id)).lastSeq));
      expect(seen.at(-1)!.event.type).toBe('result');
      await expect(instructions.events(id)).resolves.toEqual(seen);
    });

    it('start after the given event, and are empty after the last one', async () => {
      workspace.model.replyNext(bash('true'), say('Done.'));
      const { id } = await instructions.create(workspace.container.id, 'Do it.');
      const { lastSeq } = await instructions.waitForEnd(id);
      const all = await instructions.events(id);
      await expect(instructions.events(id, { after: 1 })).resolves.toEqual(all.slice(1));
      await expect(instructions.events(id, { after: lastSeq - 1, follow: true })).resolves.toEqual(all.slice(-1));
      await expect(instructions.events(id, { after: lastSeq })).resolves.toEqual([]);
      await expect(instructions.events(id, { after: 1_000_000, follow: true })).resolves.toEqual([]);
    });

    it('are awaited after a future position while the instruction runs', async () => {
      const { id, release } = await startBlocked();
      const { lastSeq } = await instructions.waitFor(id, 'has events', (each) => each.lastSeq > 0);
      const reading = instructions.events(id, { after: lastSeq + 1, follow: true });
      release();
      const events = await reading;
      expect(seqsOf(events)).toEqual(range((await instructions.waitForEnd(id)).lastSeq, lastSeq + 2));
      expect(events.length).toBeGreaterThan(0);
    });

    it('arrive as server-sent events, and continue after Last-Event-ID', async () => {
      const { id, release } = await startBlocked();
      await instructions.waitFor(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const response = await instructions.stream(id, { follow: true }, { accept: 'text/event-stream' });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      release();
      const records = (await response.text())
        .split('\n\n')
        .filter((record) => record !== '' && !record.startsWith(':'));
      const all = await instructions.events(id);
      expect(records.pop()).toBe('event: end\ndata: {}');
      expect(records.map((record) => record.split('\n')[0])).toEqual(all.map(({ seq }) => `id: ${seq}`));
      expect(records.map((record) => JSON.parse(record.split('\ndata: ')[1]!) as unknown)).toEqual(all);

      const sse = (lastEventId: number) =>
        instructions.stream(
          id,
          { follow: true },
          { accept: 'text/event-stream', 'last-event-id': String(lastEventId) },
        );
      expect(await (await sse(all.length - 1)).text()).toMatch(new RegExp(`^id: ${all.length}\n`));
      expect((await sse(all.length)).status).toBe(204);
    });

    it('are the same for many readers, whenever they connect', async () => {
      const { id, release } = await startBlocked();
      const readers = Array.from({ length: 20 }, () => instructions.events(id, { follow: true }));
      // Time for the readers to connect, which shows nowhere.
      await sleep(200);
      release();
      const late = instructions.events(id, { follow: true });
      const [first, ...others] = await Promise.all([...readers, late]);
      expect(seqsOf(first!)).toEqual(range((await instructions.waitForEnd(id)).lastSeq));
      for (const other of others) expect(other).toEqual(first);
    });

    it('are shown to people as text, a line or a block for each step', async () => {
      workspace.model.replyNext(bash('echo one; echo two'), say('It says:\n\x1b[31mtwo'));
      const { id } = await instructions.create(workspace.container.id, 'Do it.');
      const response = await instructions.stream(id, { follow: true, format: 'text' });
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      const text = await response.text();
      expect(text).toMatch(/^session: [0-9a-f-]{36}, \S+\n/);
      expect(text).toContain(
        '\nBash: echo one; echo two\nresult: one\n  two\nclaude: It says:\n  two\nend: success, 2 turns, $',
      );
      expect(await (await instructions.stream(id, { format: 'text' })).text()).toBe(text);
    });

    it('come with turns, tokens and cost while the instruction runs', async () => {
      const { promise, release } = blocked.block();
      const client = await connect();
      workspace.model.replyNext(bash('true'), async () => (await promise, say('Done.')));
      const { id } = await instructions.create(workspace.container.id, 'Do it.');
      await client.ask('subscribe:instruction', { instructionId: id });
      const running = await instructions.waitFor(id, 'has figures', ({ turns }) => turns !== null);
      expect(running).toMatchObject({ status: 'running', turns: 1, costEstimated: true });
      expect(running.costUsd).toBeGreaterThan(0);
      expect(running.usage).toMatchObject({ input_tokens: expect.any(Number), output_tokens: expect.any(Number) });
      await until('an update with the turn', () =>
        client.all('instruction:update').some(({ instruction }) => instruction.turns === 1),
      );
      const path = '/api/instructions';
      const page = ok(
        await server.api.request<{ items: Instruction[] }>('GET', path, { query: { status: 'running', limit: 5 } }),
      );
      // Events of the CLI may come while it waits for the model.
      const listed = { ...running, lastSeq: expect.any(Number) };
      expect(page.items).toEqual([listed]);
      const named = await server.api.request<{ items: Instruction[]; nextCursor: string | null }>('GET', path, {
        query: { containerId: workspace.container.name, limit: 1 },
      });
      expect(ok(named).items).toEqual([listed]);
      expect(ok(named).nextCursor).toEqual(expect.any(String));
      const next = { containerId: workspace.container.id, cursor: ok(named).nextCursor!, limit: 1 };
      const [before] = ok(await server.api.request<{ items: Instruction[] }>('GET', path, { query: next })).items;
      expect(Date.parse(before!.createdAt)).toBeLessThan(Date.parse(running.createdAt));
      release();
      expect(await instructions.waitForEnd(id)).toMatchObject({ turns: 2, costEstimated: false });
      expect(problem(await server.api.request('GET', path, { query: { containerId: 'nobody' } }))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
      expect(problem(await server.api.request('GET', path, { query: { status: 'done' } })).status).toBe(400);
    });

    it('are in the log of the container, in one line a step', async () => {
      const secret = Object.entries(workspace.model.env).find(([name]) => /KEY|TOKEN/.test(name))![1];
      workspace.model.replyNext(bash(`echo ${secret}; false`), say('It failed.\nSo be it.'));
      const { id } = await instructions.create(workspace.container.id, 'First line.\nSecond line.');
      await instructions.waitForEnd(id);
      const short = id.slice(0, 8);
      const read = async (): Promise<LogLine[]> => {
        const query = { source: 'instruction', tail: 1_000 };
        const path = `/api/containers/${workspace.container.id}/logs`;
        const { lines } = ok(await server.api.request<{ lines: LogLine[] }>('GET', path, { query }));
        return lines.filter(({ message }) => message.includes(short));
      };
      const lines = await until('the last line', async () => {
        const found = await read();
        return found.at(-1)?.message.endsWith(' succeeded') ? found : undefined;
      });
      const texts = lines.map(({ stream, message }) => `${stream} ${message.replace(`[instruction] ${short} `, '')}`);
      expect(texts).toEqual([
        'stdout started: First line. …',
        expect.stringMatching(/^stdout session: /),
        'stdout Bash: echo ***; false',
        expect.stringMatching(/^stderr error: /),
        'stdout claude: It failed. …',
        expect.stringMatching(/^stdout end: success, 2 turns, /),
        'stdout succeeded',
      ]);
      expect(lines.every(({ source }) => source === 'instruction')).toBe(true);
    });

    it('are refused for unknown instructions and invalid queries', async () => {
      expect(problem(await server.api.request('GET', `/api/instructions/${randomUUID()}/events`))).toMatchObject({
        status: 404,
        code: 'instruction_not_found',
      });
      const { id, release } = await startBlocked();
      for (const query of [
        { after: -1 },
        { after: 'x' },
        { after: 1.5 },
        { follow: 'yes' },
        { format: 'html' },
        { from: 1 },
      ]) {
        expect(problem(await server.api.request('GET', `/api/instructions/${id}/events`, { query }))).toMatchObject({
          status: 400,
          code: 'validation_failed',
        });
      }
      expect(problem(await instructions.diff(id))).toMatchObject({
        status: 409,
        code: 'invalid_state',
        currentStatus: 'running',
      });
      release();
      await instructions.waitForEnd(id);
    });
  });

  describe('over Socket.io', () => {
    it('arrive once and in order, between the state at the start and at the end', async () => {
      const { id, release } = await startBlocked();
      await instructions.waitFor(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const [client, second] = [await connect(), await connect()];
      const order: string[] = [];
      client.socket.onAny((event: string) => order.push(event));
      await expect(client.ask('subscribe:instruction', { instructionId: id })).resolves.toEqual({ ok: true });
      await expect(second.ask('subscribe:instruction', { instructionId: id, after: 1 })).resolves.toEqual({ ok: true });
      release();
      await until(
        'the final update',
        () => client.all('instruction:update').some(({ instruction }) => instruction.status === 'succeeded'),
        30_000,
      );
      const all = await instructions.events(id);
      const eventsOf = (one: SocketClient) => one.all('instruction:event').map(({ seq, event }) => ({ seq, event }));
      expect(eventsOf(client)).toEqual(all);
      await until('the events of the second client', () => eventsOf(second).length === all.length - 1);
      expect(eventsOf(second)).toEqual(all.slice(1));
      expect([order[0], order.at(-1)]).toEqual(['instruction:update', 'instruction:update']);
      expect(client.all('instruction:update')[0]!.instruction).toMatchObject({ id, status: 'running' });
      expect(client.all('instruction:update').at(-1)!.instruction).toEqual(await get(id));

      // A subscription to the finished instruction receives the same.
      const third = await connect();
      await third.ask('subscribe:instruction', { instructionId: id, after: all.length - 1 });
      await until('the update of the third client', () => third.all('instruction:update').length > 0);
      expect(eventsOf(third)).toEqual(all.slice(-1));
      expect(third.all('instruction:update')).toEqual([{ instruction: await get(id) }]);
    });

    it('stop after unsubscribing, and invalid subscriptions are refused', async () => {
      const { id, release } = await startBlocked();
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      await until('the first event', () => client.all('instruction:event').length > 0);
      await expect(client.ask('unsubscribe:instruction', { instructionId: id })).resolves.toEqual({ ok: true });
      const { length } = client.all('instruction:event');
      release();
      await instructions.waitForEnd(id);
      // Time in which events would arrive in spite of it.
      await sleep(200);
      expect(client.all('instruction:event')).toHaveLength(length);
      for (const [payload, code] of [
        [{ instructionId: randomUUID() }, 'instruction_not_found'],
        [{ instructionId: id, after: -1 }, 'validation_failed'],
        [{ instructionId: id, after: '1' }, 'validation_failed'],
        [{}, 'validation_failed'],
        [{ instructionId: id, from: 1 }, 'validation_failed'],
      ] as const) {
        await expect(client.ask('subscribe:instruction', payload)).resolves.toMatchObject({
          ok: false,
          error: { code },
        });
      }
    });
  });
});
