/** Interrupting and answering instructions, and what they ask of their container. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import {
  type InstructionsServer,
  startInstructionsServer,
  type Workspace,
} from '../support/instructions/instructions-server.js';
import {
  type Instruction,
  type InstructionsClient,
  seqsOf,
  range,
} from '../support/instructions/instructions-client.js';
import { bash, say } from '../support/messages-api/replies.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const MIB = 1024 * 1024;

jest.setTimeout(120_000);

describe('instructions, in hand', () => {
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

  describe('cancelling', () => {
    it('one that waits keeps it from ever running', async () => {
      const { id, open } = await held();
      const waiting = await instructions.create(workspace.container.id, 'Never.');
      const turns = workspace.model.turns.length;
      const cancelled = ok(await instructions.cancel(waiting.id));
      expect(cancelled).toMatchObject({
        status: 'cancelled',
        statusReason: { code: 'cancelled' },
        startedAt: null,
        lastSeq: 0,
      });
      await expect(instructions.cancel(waiting.id)).resolves.toMatchObject({ status: 200, body: cancelled });
      open();
      await instructions.waitForEnd(id);
      workspace.model.replyNext(say('After it.'));
      await expect(
        instructions.waitForEnd((await instructions.create(workspace.container.id, 'After.')).id),
      ).resolves.toMatchObject({ result: 'After it.' });
      expect(workspace.model.turns).toHaveLength(turns + 1);
    });

    it('one that runs interrupts it, whatever it is at, and the next one begins', async () => {
      const phases: Record<string, () => Promise<string>> = {
        'while the model thinks': async () => (await held()).id,
        'while a tool runs': async () => {
          const mark = `/tmp/${randomUUID()}`;
          workspace.model.replyNext(bash(`touch ${mark}; sleep 300`));
          const { id } = await instructions.create(workspace.container.id, 'Sleep.');
          await until(
            'the tool runs',
            async () => (await server.engine.exec(workspace.container.dockerId!, ['test', '-e', mark])).exitCode === 0,
            30_000,
          );
          return id;
        },
        'right after it was accepted': async () => {
          workspace.model.replyNext(say('Too late.'));
          return (await instructions.create(workspace.container.id, 'Now.')).id;
        },
        'while it starts': async () => {
          workspace.model.replyNext(say('Too late.'));
          const { id } = await instructions.create(workspace.container.id, 'Now.');
          await instructions.waitFor(id, 'runs', ({ status }) => status === 'running');
          return id;
        },
      };
      for (const [phase, begin] of Object.entries(phases)) {
        const id = await begin();
        const cancelled = ok(await instructions.cancel(id));
        expect({ phase, status: cancelled.status, code: cancelled.statusReason?.code }).toEqual({
          phase,
          status: 'cancelled',
          code: 'cancelled',
        });
        await expect(instructions.cancel(id)).resolves.toMatchObject({ status: 200, body: cancelled });
        expect(seqsOf(await instructions.events(id))).toEqual(range(cancelled.lastSeq));
        workspace.model.clearScript();
        workspace.model.replyNext(say('Next.'));
        const next = await instructions.waitForEnd((await instructions.create(workspace.container.id, 'Next.')).id);
        expect({ phase, result: next.result }).toEqual({ phase, result: 'Next.' });
      }
      const { stdout } = await server.engine.exec(workspace.container.dockerId!, [
        'pgrep',
        '-fa',
        'sleep 300|claude -p',
      ]);
      expect(stdout).toBe('');
    }, 120_000);

    it('one that is over changes nothing', async () => {
      workspace.model.replyNext(say('Over.'));
      const ended = await instructions.waitForEnd((await instructions.create(workspace.container.id, 'Quick.')).id);
      await expect(instructions.cancel(ended.id)).resolves.toMatchObject({ status: 200, body: ended });
    });
  });

  describe('permissions', () => {
    let asking: Workspace;

    beforeAll(async () => {
      asking = await server.workspace({ mode: 'interactive' });
    }, 60_000);

    async function asked(command: string): Promise<{ id: string; requestId: string }> {
      asking.model.replyNext(bash(command), say('Over.'));
      const { id } = await instructions.create(asking.container.id, command);
      const waiting = await instructions.waitFor(id, 'asks', ({ permissions }) => permissions.length > 0);
      expect(waiting).toMatchObject({
        status: 'running',
        permissions: [{ toolName: 'Bash', input: { command }, requestId: expect.any(String) }],
      });
      return { id, requestId: waiting.permissions[0]!.requestId };
    }
    const exists = async (file: string): Promise<boolean> =>
      (await server.engine.exec(asking.container.dockerId!, ['test', '-e', file])).exitCode === 0;

    it('are asked for in an interactive container, and granted', async () => {
      const { id, requestId } = await asked('touch /workspace/allowed');
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      await until('the socket shows it', () =>
        client.all('instruction:update').some(({ instruction }) => instruction.permissions[0]?.requestId === requestId),
      );
      await expect(exists('/workspace/allowed')).resolves.toBe(false);
      expect(ok(await instructions.answer(id, requestId, { decision: 'allow' })).permissions).toEqual([]);
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded', result: 'Over.' });
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
      const waiting = {
        active: true,
        state: 'waiting',
        since: expect.any(String),
        waitingFor: { tool: 'Bash', text: 'touch /workspace/shown' },
      };
      await until('the container shows it', async () => (await agent())?.state === 'waiting');
      await expect(agent()).resolves.toEqual(waiting);
      const metrics = await server.api.request<{ agent: unknown }>(
        'GET',
        `/api/containers/${asking.container.id}/metrics`,
      );
      expect(ok(metrics).agent).toEqual(waiting);
      ok(await instructions.answer(id, requestId, { decision: 'allow' }));
      await instructions.waitForEnd(id);
      await until('the agent is done', async () => !['working', 'waiting'].includes((await agent())?.state ?? 'none'));
      const states = client.all('status:update').map((update) => update.agent?.state);
      expect(states.filter((state, index) => state !== states[index - 1])).toEqual(
        expect.arrayContaining(['working', 'waiting']),
      );
      expect(states.indexOf('working')).toBeLessThan(states.indexOf('waiting'));
    });

    it('are refused, with a word to the agent', async () => {
      const { id, requestId } = await asked('touch /workspace/denied');
      ok(await instructions.answer(id, requestId, { decision: 'deny', message: 'Not on my watch.' }));
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded' });
      await expect(exists('/workspace/denied')).resolves.toBe(false);
      expect(JSON.stringify(asking.model.turns.at(-1)!.toolResults)).toContain('Not on my watch.');
    });

    it('go with the instruction that asked', async () => {
      const { id, requestId } = await asked('touch /workspace/cancelled');
      expect(problem(await instructions.answer(id, 'another', { decision: 'allow' }))).toMatchObject({
        status: 404,
        code: 'permission_not_found',
      });
      expect(problem(await instructions.answer(id, requestId, { decision: 'perhaps' }))).toMatchObject({
        status: 400,
        code: 'validation_failed',
      });
      expect(ok(await instructions.cancel(id))).toMatchObject({ status: 'cancelled', permissions: [] });
      expect(problem(await instructions.answer(id, requestId, { decision: 'allow' }))).toMatchObject({
        status: 409,
        code: 'invalid_state',
      });
      await expect(exists('/workspace/cancelled')).resolves.toBe(false);
    });

    it('are not asked for in an autonomous container', async () => {
      workspace.model.replyNext(bash('touch /workspace/autonomous'), say('Over.'));
      const ended = await instructions.waitForEnd((await instructions.create(workspace.container.id, 'Touch.')).id);
      expect(ended.status).toBe('succeeded');
      expect((await instructions.events(ended.id)).filter(({ event }) => event.type === 'control_request')).toEqual([]);
    });
  });

  describe('the container', () => {
    it('has to run, unless it is to be started', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      ok(await server.api.stop(of.container.id));
      expect(problem(await instructions.post(of.container.id, { prompt: 'Hello.' }))).toMatchObject({
        status: 409,
        code: 'invalid_state',
        currentStatus: 'stopped',
      });
      of.model.replyNext(say('Started.'));
      const { id } = await instructions.create(of.container.id, 'Hello.', { startIfStopped: true });
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded', result: 'Started.' });
      await server.api.remove(of.container.id);
    });

    it('takes what runs with it when it is stopped; what waits goes on when it is started', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await held(of);
      const waiting = await instructions.create(of.container.id, 'Next.');
      ok(await server.api.stop(of.container.id));
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({
        status: 'failed',
        statusReason: { code: 'container_stopped' },
      });
      await sleep(500);
      await expect(running(waiting.id)).resolves.toMatchObject({ status: 'queued' });
      of.model.replyNext(say('Next.'));
      ok(await server.api.start(of.container.id));
      await expect(instructions.waitForEnd(waiting.id)).resolves.toMatchObject({
        status: 'succeeded',
        result: 'Next.',
      });
      await server.api.remove(of.container.id);
    });

    it('takes everything with it when it is removed', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await held(of);
      const waiting = await instructions.create(of.container.id, 'Next.');
      const reading = instructions.events(id, { follow: true });
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      expect((await server.api.remove(of.container.id)).status).toBe(204);
      for (const gone of [id, waiting.id])
        expect(problem(await instructions.get(gone))).toMatchObject({ status: 404, code: 'instruction_not_found' });
      expect(problem(await instructions.list(of.container.id))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
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
      expect(problem(await instructions.post(workspace.container.id, { prompt: 'x'.repeat(MIB) }))).toMatchObject({
        status: 413,
        code: 'payload_too_large',
      });
      expect(problem(await instructions.post('nobody', { prompt: 'a' }))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
      for (const id of [randomUUID(), 'x']) {
        for (const answer of [
          await instructions.get(id),
          await instructions.cancel(id),
          await instructions.diff(id),
          await instructions.answer(id, 'r', { decision: 'allow' }),
        ]) {
          expect(problem(answer)).toMatchObject({ status: 404, code: 'instruction_not_found' });
        }
      }
      for (const query of [{ limit: 0 }, { limit: 101 }, { status: 'gone' }, { cursor: 'x' }]) {
        expect(problem(await instructions.list(workspace.container.id, query as never))).toMatchObject({
          status: 400,
          code: 'validation_failed',
        });
      }
    });

    it('a prompt of 200 kB, quotes, options and all, arrives as it is', async () => {
      const prompt = `--help "quoted" $HOME \`id\` \\ ü\n${'x'.repeat(199_000)}end`;
      workspace.model.replyNext(say('Long.'));
      const { id } = await instructions.create(workspace.container.id, prompt);
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded', prompt });
      expect(workspace.model.turns.at(-1)!.prompt).toContain(prompt);
    });

    it('a container without Claude Code is refused', async () => {
      const { id } = ok(await server.api.create({ name: uniqueName('editor'), template: 'vscode', memoryLimit: 256 }));
      expect(problem(await instructions.post(id, { prompt: 'a' }))).toMatchObject({
        status: 409,
        code: 'no_claude_code',
      });
      await server.api.remove(id);
    });
  });
});
