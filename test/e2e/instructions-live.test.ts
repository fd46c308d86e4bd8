/** Watching, interrupting and answering instructions while the real Claude Code works on them. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { type InstructedServer, startInstructedServer, type Workspace } from '../support/instructions/instructed-server.js';
import { type Instruction, type InstructionEvent, type InstructionsClient, seqsOf, upTo } from '../support/instructions/instructions-client.js';
import { bash, say } from '../support/messages-api/replies.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const MIB = 1024 * 1024;

describe('instructions, live', () => {
  let server: InstructedServer;
  let instructions: InstructionsClient;
  let workspace: Workspace;
  const clients: SocketClient[] = [];

  beforeAll(async () => {
    server = await startInstructedServer();
    ({ instructions } = server);
    workspace = await server.workspace();
  }, IMAGE_BUILD_MS);
  afterEach(() => {
    clients.splice(0).forEach((client) => client.close());
    workspace.model.clear();
  });
  afterAll(() => server?.dispose(), 60_000);

  const connect = async (): Promise<SocketClient> => {
    const client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    clients.push(client);
    return client;
  };
  /** One that runs until `open` is called: its first turn is asked for and not answered yet. */
  async function held(prompt = 'Wait.', of = workspace): Promise<{ id: string; open: () => void }> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const turns = of.model.turns.length;
    of.model.next(async () => (await promise, say('Over.')));
    const { id } = await instructions.accepted(of.container.id, prompt);
    await of.model.turn(turns + 1, 30_000);
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
      await until('the first event is there', () => seen.length > 0);
      expect(seen[0]).toMatchObject({ seq: 1, event: { type: 'system', subtype: 'init' } });
      await sleep(300);
      const before = seen.length;
      open();
      await reading;
      expect(seen.length).toBeGreaterThan(before);
      expect(seqsOf(seen)).toEqual(upTo((await running(id)).lastSeq));
      expect(seen.at(-1)!.event.type).toBe('result');
      await expect(instructions.events(id)).resolves.toEqual(seen);
    });

    it('begin after any one, and at the end there is nothing', async () => {
      workspace.model.next(bash('true'), say('Over.'));
      const { id } = await instructions.accepted(workspace.container.id, 'Do it.');
      const { lastSeq } = await instructions.ended(id);
      const all = await instructions.events(id);
      await expect(instructions.events(id, { after: 1 })).resolves.toEqual(all.slice(1));
      await expect(instructions.events(id, { after: lastSeq - 1, follow: true })).resolves.toEqual(all.slice(-1));
      await expect(instructions.events(id, { after: lastSeq })).resolves.toEqual([]);
      await expect(instructions.events(id, { after: 1_000_000, follow: true })).resolves.toEqual([]);
    });

    it('are waited for beyond the end, while it runs', async () => {
      const { id, open } = await held();
      const { lastSeq } = await instructions.when(id, 'has events', (each) => each.lastSeq > 0);
      const reading = instructions.events(id, { after: lastSeq + 1, follow: true });
      open();
      const events = await reading;
      expect(seqsOf(events)).toEqual(upTo((await instructions.ended(id)).lastSeq, lastSeq + 2));
      expect(events.length).toBeGreaterThan(0);
    });

    it('come as server-sent events too, and go on after the last one that was seen', async () => {
      const { id, open } = await held();
      await instructions.when(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const response = await instructions.stream(id, { follow: true }, { accept: 'text/event-stream' });
      expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
      open();
      const records = (await response.text()).split('\n\n').filter((record) => record !== '' && !record.startsWith(':'));
      const all = await instructions.events(id);
      expect(records.pop()).toBe('event: end\ndata: {}');
      expect(records.map((record) => record.split('\n')[0])).toEqual(all.map(({ seq }) => `id: ${seq}`));
      expect(records.map((record) => JSON.parse(record.split('\ndata: ')[1]!) as unknown)).toEqual(all);

      const sse = (lastEventId: number) => instructions.stream(id, { follow: true }, { accept: 'text/event-stream', 'last-event-id': String(lastEventId) });
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
      expect(seqsOf(first!)).toEqual(upTo((await instructions.ended(id)).lastSeq));
      for (const other of others) expect(other).toEqual(first);
    });

    it('are refused where there are none', async () => {
      expect(problem(await server.api.request('GET', `/api/instructions/${randomUUID()}/events`))).toMatchObject({ status: 404, code: 'instruction_not_found' });
      const { id, open } = await held();
      for (const query of [{ after: -1 }, { after: 'x' }, { after: 1.5 }, { follow: 'yes' }, { from: 1 }]) {
        expect(problem(await server.api.request('GET', `/api/instructions/${id}/events`, { query }))).toMatchObject({ status: 400, code: 'validation_failed' });
      }
      expect(problem(await instructions.diff(id))).toMatchObject({ status: 409, code: 'invalid_state', currentStatus: 'running' });
      open();
      await instructions.ended(id);
    });
  });

  describe('over Socket.io', () => {
    it('shows how it is, every event once, and how it ended after the last of them', async () => {
      const { id, open } = await held();
      await instructions.when(id, 'has events', ({ lastSeq }) => lastSeq > 0);
      const [client, second] = [await connect(), await connect()];
      const order: string[] = [];
      client.socket.onAny((event: string) => order.push(event));
      await expect(client.ask('subscribe:instruction', { instructionId: id })).resolves.toEqual({ ok: true });
      await expect(second.ask('subscribe:instruction', { instructionId: id, after: 1 })).resolves.toEqual({ ok: true });
      open();
      await until('it is over', () => client.all('instruction:update').some(({ instruction }) => instruction.status === 'succeeded'), 30_000);
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
      await instructions.ended(id);
      await sleep(200);
      expect(client.all('instruction:event')).toHaveLength(length);
      for (const [payload, code] of [
        [{ instructionId: randomUUID() }, 'instruction_not_found'],
        [{ instructionId: id, after: -1 }, 'validation_failed'],
        [{ instructionId: id, after: '1' }, 'validation_failed'],
        [{}, 'validation_failed'],
        [{ instructionId: id, from: 1 }, 'validation_failed'],
      ] as const) {
        await expect(client.ask('subscribe:instruction', payload)).resolves.toMatchObject({ ok: false, error: { code } });
      }
    });
  });

  describe('cancelling', () => {
    it('one that waits keeps it from ever running', async () => {
      const { id, open } = await held();
      const waiting = await instructions.accepted(workspace.container.id, 'Never.');
      const turns = workspace.model.turns.length;
      const cancelled = ok(await instructions.cancel(waiting.id));
      expect(cancelled).toMatchObject({ status: 'cancelled', statusReason: { code: 'cancelled' }, startedAt: null, lastSeq: 0 });
      await expect(instructions.cancel(waiting.id)).resolves.toMatchObject({ status: 200, body: cancelled });
      open();
      await instructions.ended(id);
      workspace.model.next(say('After it.'));
      await expect(instructions.ended((await instructions.accepted(workspace.container.id, 'After.')).id)).resolves.toMatchObject({ result: 'After it.' });
      expect(workspace.model.turns).toHaveLength(turns + 1);
    });

    it('one that runs interrupts it, whatever it is at, and the next one begins', async () => {
      const phases: Record<string, () => Promise<string>> = {
        'while the model thinks': async () => (await held()).id,
        'while a tool runs': async () => {
          const mark = `/tmp/${randomUUID()}`;
          workspace.model.next(bash(`touch ${mark}; sleep 300`));
          const { id } = await instructions.accepted(workspace.container.id, 'Sleep.');
          await until('the tool runs', async () => (await server.engine.exec(workspace.container.dockerId!, ['test', '-e', mark])).exitCode === 0, 30_000);
          return id;
        },
        'right after it was accepted': async () => {
          workspace.model.next(say('Too late.'));
          return (await instructions.accepted(workspace.container.id, 'Now.')).id;
        },
        'while it starts': async () => {
          workspace.model.next(say('Too late.'));
          const { id } = await instructions.accepted(workspace.container.id, 'Now.');
          await instructions.when(id, 'runs', ({ status }) => status === 'running');
          return id;
        },
      };
      for (const [phase, begin] of Object.entries(phases)) {
        const id = await begin();
        const cancelled = ok(await instructions.cancel(id));
        expect({ phase, status: cancelled.status, code: cancelled.statusReason?.code }).toEqual({ phase, status: 'cancelled', code: 'cancelled' });
        await expect(instructions.cancel(id)).resolves.toMatchObject({ status: 200, body: cancelled });
        expect(seqsOf(await instructions.events(id))).toEqual(upTo(cancelled.lastSeq));
        workspace.model.clear();
        workspace.model.next(say('Next.'));
        const next = await instructions.ended((await instructions.accepted(workspace.container.id, 'Next.')).id);
        expect({ phase, result: next.result }).toEqual({ phase, result: 'Next.' });
      }
      const { stdout } = await server.engine.exec(workspace.container.dockerId!, ['pgrep', '-fa', 'sleep 300|claude -p']);
      expect(stdout).toBe('');
    }, 120_000);

    it('one that is over changes nothing', async () => {
      workspace.model.next(say('Over.'));
      const ended = await instructions.ended((await instructions.accepted(workspace.container.id, 'Quick.')).id);
      await expect(instructions.cancel(ended.id)).resolves.toMatchObject({ status: 200, body: ended });
    });
  });

  describe('permissions', () => {
    let asking: Workspace;

    beforeAll(async () => {
      asking = await server.workspace({ mode: 'interactive' });
    }, 60_000);

    async function asked(command: string): Promise<{ id: string; requestId: string }> {
      asking.model.next(bash(command), say('Over.'));
      const { id } = await instructions.accepted(asking.container.id, command);
      const waiting = await instructions.when(id, 'asks', ({ permissions }) => permissions.length > 0);
      expect(waiting).toMatchObject({ status: 'running', permissions: [{ toolName: 'Bash', input: { command }, requestId: expect.any(String) }] });
      return { id, requestId: waiting.permissions[0]!.requestId };
    }
    const exists = async (file: string): Promise<boolean> => (await server.engine.exec(asking.container.dockerId!, ['test', '-e', file])).exitCode === 0;

    it('are asked for in an interactive container, and granted', async () => {
      const { id, requestId } = await asked('touch /workspace/allowed');
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      await until('the socket shows it', () => client.all('instruction:update').some(({ instruction }) => instruction.permissions[0]?.requestId === requestId));
      await expect(exists('/workspace/allowed')).resolves.toBe(false);
      expect(ok(await instructions.answer(id, requestId, { decision: 'allow' })).permissions).toEqual([]);
      await expect(instructions.ended(id)).resolves.toMatchObject({ status: 'succeeded', result: 'Over.' });
      await expect(exists('/workspace/allowed')).resolves.toBe(true);
      // Again changes nothing, otherwise is refused.
      expect((await instructions.answer(id, requestId, { decision: 'allow' })).status).toBe(200);
      expect(problem(await instructions.answer(id, requestId, { decision: 'deny' }))).toMatchObject({ status: 409 });
    });

    it('show as what the agent waits for, and so does everything else that it does', async () => {
      const client = await connect();
      await client.ask('subscribe:status', { containerId: asking.container.id });
      const agent = async () => ok(await server.api.get(asking.container.id)).agent;
      const { id, requestId } = await asked('touch /workspace/shown');
      const waiting = { active: true, state: 'waiting', since: expect.any(String), waitingFor: { tool: 'Bash', text: 'touch /workspace/shown' } };
      await until('the container shows it', async () => (await agent())?.state === 'waiting');
      await expect(agent()).resolves.toEqual(waiting);
      const metrics = await server.api.request<{ agent: unknown }>('GET', `/api/containers/${asking.container.id}/metrics`);
      expect(ok(metrics).agent).toEqual(waiting);
      ok(await instructions.answer(id, requestId, { decision: 'allow' }));
      await instructions.ended(id);
      await until('the agent is done', async () => !['working', 'waiting'].includes((await agent())?.state ?? 'none'));
      const states = client.all('status:update').map((update) => update.agent?.state);
      expect(states.filter((state, index) => state !== states[index - 1])).toEqual(expect.arrayContaining(['working', 'waiting']));
      expect(states.indexOf('working')).toBeLessThan(states.indexOf('waiting'));
    });

    it('are refused, with a word to the agent', async () => {
      const { id, requestId } = await asked('touch /workspace/denied');
      ok(await instructions.answer(id, requestId, { decision: 'deny', message: 'Not on my watch.' }));
      await expect(instructions.ended(id)).resolves.toMatchObject({ status: 'succeeded' });
      await expect(exists('/workspace/denied')).resolves.toBe(false);
      expect(JSON.stringify(asking.model.turns.at(-1)!.toolResults)).toContain('Not on my watch.');
    });

    it('go with the instruction that asked', async () => {
      const { id, requestId } = await asked('touch /workspace/cancelled');
      expect(problem(await instructions.answer(id, 'another', { decision: 'allow' }))).toMatchObject({ status: 404, code: 'permission_not_found' });
      expect(problem(await instructions.answer(id, requestId, { decision: 'perhaps' }))).toMatchObject({ status: 400, code: 'validation_failed' });
      expect(ok(await instructions.cancel(id))).toMatchObject({ status: 'cancelled', permissions: [] });
      expect(problem(await instructions.answer(id, requestId, { decision: 'allow' }))).toMatchObject({ status: 409, code: 'invalid_state' });
      await expect(exists('/workspace/cancelled')).resolves.toBe(false);
    });

    it('are not asked for in an autonomous container', async () => {
      workspace.model.next(bash('touch /workspace/autonomous'), say('Over.'));
      const ended = await instructions.ended((await instructions.accepted(workspace.container.id, 'Touch.')).id);
      expect(ended.status).toBe('succeeded');
      expect((await instructions.events(ended.id)).filter(({ event }) => event.type === 'control_request')).toEqual([]);
    });
  });

  describe('the container', () => {
    it('has to run, unless it is to be started', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      ok(await server.api.stop(of.container.id));
      expect(problem(await instructions.post(of.container.id, { prompt: 'Hello.' }))).toMatchObject({ status: 409, code: 'invalid_state', currentStatus: 'stopped' });
      of.model.next(say('Started.'));
      const { id } = await instructions.accepted(of.container.id, 'Hello.', { startIfStopped: true });
      await expect(instructions.ended(id)).resolves.toMatchObject({ status: 'succeeded', result: 'Started.' });
      await server.api.remove(of.container.id);
    });

    it('takes what runs with it when it is stopped; what waits goes on when it is started', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await held('Wait.', of);
      const waiting = await instructions.accepted(of.container.id, 'Next.');
      ok(await server.api.stop(of.container.id));
      await expect(instructions.ended(id)).resolves.toMatchObject({ status: 'failed', statusReason: { code: 'container_stopped' } });
      await sleep(500);
      await expect(running(waiting.id)).resolves.toMatchObject({ status: 'queued' });
      of.model.next(say('Next.'));
      ok(await server.api.start(of.container.id));
      await expect(instructions.ended(waiting.id)).resolves.toMatchObject({ status: 'succeeded', result: 'Next.' });
      await server.api.remove(of.container.id);
    });

    it('takes everything with it when it is removed', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await held('Wait.', of);
      const waiting = await instructions.accepted(of.container.id, 'Next.');
      const reading = instructions.events(id, { follow: true });
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      expect((await server.api.remove(of.container.id)).status).toBe(204);
      for (const gone of [id, waiting.id]) expect(problem(await instructions.get(gone))).toMatchObject({ status: 404, code: 'instruction_not_found' });
      expect(problem(await instructions.list(of.container.id))).toMatchObject({ status: 404, code: 'container_not_found' });
      await reading;
      await until('the socket hears of it', () => client.all('instruction:removed').length > 0);
      expect(client.all('instruction:removed')).toEqual([{ instructionId: id }]);
    });
  });

  describe('bad input', () => {
    it.each<[string, Record<string, unknown>, string]>([
      ['no prompt', {}, 'prompt'],
      ['an empty prompt', { prompt: '' }, 'prompt'],
      ['a blank prompt', { prompt: ' \n\t' }, 'prompt'],
      ['a prompt over 200 kB', { prompt: 'ü'.repeat(100_001) }, 'prompt'],
      ['a prompt with NUL', { prompt: 'a\0b' }, 'prompt'],
      ['no text for a prompt', { prompt: ['a'] }, 'prompt'],
      ['a session that is no id', { prompt: 'a', sessionId: '../x' }, 'sessionId'],
      ['a session and the latest one', { prompt: 'a', sessionId: randomUUID(), continue: true }, 'continue'],
      ['a text for continue', { prompt: 'a', continue: 'yes' }, 'continue'],
      ['an option for a model', { prompt: 'a', model: '--dangerous' }, 'model'],
      ['no turns', { prompt: 'a', maxTurns: 0 }, 'maxTurns'],
      ['half a turn', { prompt: 'a', maxTurns: 1.5 }, 'maxTurns'],
      ['a negative budget', { prompt: 'a', maxBudgetUsd: -1 }, 'maxBudgetUsd'],
      ['no time', { prompt: 'a', timeoutSeconds: 0 }, 'timeoutSeconds'],
      ['an unknown property', { prompt: 'a', dangerouslySkipPermissions: true }, 'dangerouslySkipPermissions'],
    ])('%s is refused', async (_, body, field) => {
      const refused = problem(await instructions.post(workspace.container.id, body));
      expect(refused).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
    });

    it('is refused for bodies over a megabyte, unknown containers and instructions', async () => {
      expect(problem(await instructions.post(workspace.container.id, { prompt: 'x'.repeat(MIB) }))).toMatchObject({ status: 413, code: 'payload_too_large' });
      expect(problem(await instructions.post('nobody', { prompt: 'a' }))).toMatchObject({ status: 404, code: 'container_not_found' });
      for (const id of [randomUUID(), 'x']) {
        for (const answer of [await instructions.get(id), await instructions.cancel(id), await instructions.diff(id), await instructions.answer(id, 'r', { decision: 'allow' })]) {
          expect(problem(answer)).toMatchObject({ status: 404, code: 'instruction_not_found' });
        }
      }
      for (const query of [{ limit: 0 }, { limit: 101 }, { status: 'gone' }, { cursor: 'x' }]) {
        expect(problem(await instructions.list(workspace.container.id, query as never))).toMatchObject({ status: 400, code: 'validation_failed' });
      }
    });

    it('a prompt of 200 kB, quotes, options and all, arrives as it is', async () => {
      const prompt = `--help "quoted" $HOME \`id\` \\ ü\n${'x'.repeat(199_000)}end`;
      workspace.model.next(say('Long.'));
      const { id } = await instructions.accepted(workspace.container.id, prompt);
      await expect(instructions.ended(id)).resolves.toMatchObject({ status: 'succeeded', prompt });
      expect(workspace.model.turns.at(-1)!.prompt).toContain(prompt);
    });

    it('a container without Claude Code is refused', async () => {
      const { id } = ok(await server.api.create({ name: uniqueName('editor'), template: 'vscode', memoryLimit: 256 }));
      expect(problem(await instructions.post(id, { prompt: 'a' }))).toMatchObject({ status: 409, code: 'no_claude_code' });
      await server.api.remove(id);
    });
  });
});
