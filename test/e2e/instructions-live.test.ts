/** Watching instructions, by REST and by sockets, while the real Claude Code works on them. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
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
import { SocketClient } from '../support/sockets/socket-client.js';

jest.setTimeout(120_000);

describe('instructions, live', () => {
  let server: InstructionsServer;
  let instructions: InstructionsClient;
  let workspace: Workspace;
  const clients: SocketClient[] = [];
  const opened: (() => void)[] = [];

  beforeAll(async () => {
    server = await startInstructionsServer();
    ({ instructions } = server);
    workspace = await server.workspace();
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    clients.splice(0).forEach((client) => client.close());
    // Whatever came of the test: the next one's turn comes after it.
    opened.splice(0).forEach((open) => open());
    workspace.model.clearScript();
  });
  afterAll(() => server?.dispose(), 60_000);

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  /** One that runs until `open` is called: its first turn is asked for and not answered yet. */
  async function held(of = workspace): Promise<{ id: string; open: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>();
    opened.push(resolve);
    const turns = of.model.turns.length;
    of.model.replyNext(async () => (await promise, say('Over.')));
    const { id } = await instructions.create(of.container.id, 'Wait.');
    await of.model.waitForTurn(turns + 1, 60_000);
    return { id, open: resolve };
  }
  const running = async (id: string): Promise<Instruction> => ok(await instructions.get(id));

  describe('the events', () => {
    it('come as they happen, and end with the instruction', async () => {
      const { id, open } = await held();
      const seen: InstructionEvent[] = [];
      const reading = (async () => {
        for await (const event of instructions.follow(id)) seen.push(event);
      })();
      await until(
        'it has begun',
        () => seen.some(({ event }) => event.type === 'system' && event.subtype === 'init'),
        60_000,
      );
      await sleep(300);
      const before = seen.length;
      open();
      await reading;
      expect(seen.length).toBeGreaterThan(before);
      expect(seqsOf(seen)).toEqual(range((await running(id)).lastSeq));
      expect(seen.at(-1)!.event.type).toBe('result');
      await expect(instructions.events(id)).resolves.toEqual(seen);
    });

    it('begin after any one, and at the end there is nothing', async () => {
      workspace.model.replyNext(bash('true'), say('Over.'));
      const { id } = await instructions.create(workspace.container.id, 'Do it.');
      const { lastSeq } = await instructions.waitForEnd(id);
      const all = await instructions.events(id);
      await expect(instructions.events(id, { after: 1 })).resolves.toEqual(all.slice(1));
      await expect(instructions.events(id, { after: lastSeq - 1, follow: true })).resolves.toEqual(all.slice(-1));
      await expect(instructions.events(id, { after: lastSeq })).resolves.toEqual([]);
      await expect(instructions.events(id, { after: 1_000_000, follow: true })).resolves.toEqual([]);
    });

    it('are waited for beyond the end, while it runs', async () => {
      const { id, open } = await held();
      const { lastSeq } = await instructions.waitFor(id, 'has events', (each) => each.lastSeq > 0);
      const reading = instructions.events(id, { after: lastSeq + 1, follow: true });
      open();
      const events = await reading;
      expect(seqsOf(events)).toEqual(range((await instructions.waitForEnd(id)).lastSeq, lastSeq + 2));
      expect(events.length).toBeGreaterThan(0);
    });

    it('come as server-sent events too, and go on after the last one that was seen', async () => {
      const { id, open } = await held();
      await instructions.waitFor(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const response = await instructions.stream(id, { follow: true }, { accept: 'text/event-stream' });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      open();
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

    it('reach many readers alike, whenever they come', async () => {
      const { id, open } = await held();
      const readers = Array.from({ length: 20 }, () => instructions.events(id, { follow: true }));
      await sleep(200);
      open();
      const late = instructions.events(id, { follow: true });
      const [first, ...others] = await Promise.all([...readers, late]);
      expect(seqsOf(first!)).toEqual(range((await instructions.waitForEnd(id)).lastSeq));
      for (const other of others) expect(other).toEqual(first);
    });

    it('are refused where there are none', async () => {
      expect(problem(await server.api.request('GET', `/api/instructions/${randomUUID()}/events`))).toMatchObject({
        status: 404,
        code: 'instruction_not_found',
      });
      const { id, open } = await held();
      for (const query of [{ after: -1 }, { after: 'x' }, { after: 1.5 }, { follow: 'yes' }, { from: 1 }]) {
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
      open();
      await instructions.waitForEnd(id);
    });
  });

  describe('over Socket.io', () => {
    it('shows how it is, every event once, and how it ended after the last of them', async () => {
      const { id, open } = await held();
      await instructions.waitFor(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const [client, second] = [await connect(), await connect()];
      const order: string[] = [];
      client.socket.onAny((event: string) => order.push(event));
      await expect(client.ask('subscribe:instruction', { instructionId: id })).resolves.toEqual({ ok: true });
      await expect(second.ask('subscribe:instruction', { instructionId: id, after: 1 })).resolves.toEqual({ ok: true });
      open();
      await until(
        'it is over',
        () => client.all('instruction:update').some(({ instruction }) => instruction.status === 'succeeded'),
        30_000,
      );
      const all = await instructions.events(id);
      const eventsOf = (one: SocketClient) => one.all('instruction:event').map(({ seq, event }) => ({ seq, event }));
      expect(eventsOf(client)).toEqual(all);
      await until('the second has all', () => eventsOf(second).length === all.length - 1);
      expect(eventsOf(second)).toEqual(all.slice(1));
      expect([order[0], order.at(-1)]).toEqual(['instruction:update', 'instruction:update']);
      expect(client.all('instruction:update')[0]!.instruction).toMatchObject({ id, status: 'running' });
      expect(client.all('instruction:update').at(-1)!.instruction).toEqual(await running(id));

      // The same from the past.
      const third = await connect();
      await third.ask('subscribe:instruction', { instructionId: id, after: all.length - 1 });
      await until('it is shown', () => third.all('instruction:update').length > 0);
      expect(eventsOf(third)).toEqual(all.slice(-1));
      expect(third.all('instruction:update')).toEqual([{ instruction: await running(id) }]);
    });

    it('stops when it is told to, and refuses what is wrong', async () => {
      const { id, open } = await held();
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      await until('events come', () => client.all('instruction:event').length > 0);
      await expect(client.ask('unsubscribe:instruction', { instructionId: id })).resolves.toEqual({ ok: true });
      const { length } = client.all('instruction:event');
      open();
      await instructions.waitForEnd(id);
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
