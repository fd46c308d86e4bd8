/** Cancelling instructions, answering their permission requests, and their dependence on the container. */
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { ok, problem } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { until } from '../support/e2e/until.js';
import { BlockedInstructions } from '../support/instructions/blocked-instructions.js';
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
/** More than any other instruction here has. */
const MAX_EVENTS = 20_000;

jest.setTimeout(120_000);

describe('the control of instructions', () => {
  let server: InstructionsServer;
  let instructions: InstructionsClient;
  let workspace: Workspace;
  const clients: SocketClient[] = [];
  const blocked = new BlockedInstructions();

  beforeAll(async () => {
    server = await startInstructionsServer({ INSTRUCTION_MAX_EVENTS: String(MAX_EVENTS) });
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

  describe('a run whose output somebody in the container writes to', () => {
    /** Runs a program with its output on the pipe from the runner to DevForge, until that is closed. */
    const writeToRunner = (program: string) =>
      server.api.request('POST', `/api/containers/${workspace.container.id}/exec`, {
        body: {
          command: ['bash', '-c', `p=$(pgrep -f 'main.mjs start' | head -1); ${program} >/proc/$p/fd/1`],
          timeoutSeconds: 60,
        },
      });
    const peakMiB = async (): Promise<number> => {
      const status = await readFile(`/proc/${server.devforge.pid}/status`, 'utf8');
      return Number(/^VmHWM:\s*(\d+)/m.exec(status)![1]) / 1024;
    };

    it.each([
      ['a line without an end', "tr '\\0' a </dev/zero", 0],
      ['events without an end', `yes 'E {"type":"flood"}'`, MAX_EVENTS],
    ])('ends with output_limit_exceeded after %s, and the server stays small', async (_, program, events) => {
      const { id } = await startBlocked();
      const before = await peakMiB();
      const flood = writeToRunner(program);
      const ended = await instructions.waitForEnd(id);
      expect(ended).toMatchObject({ status: 'failed', statusReason: { code: 'output_limit_exceeded' } });
      expect(ended.lastSeq).toBeGreaterThanOrEqual(events);
      expect(ended.lastSeq).toBeLessThanOrEqual(MAX_EVENTS);
      expect((await peakMiB()) - before).toBeLessThan(250);
      await server.api.request('POST', `/api/containers/${workspace.container.id}/exec`, {
        body: { command: ['pkill', 'tr|yes'] },
      });
      await flood;
      workspace.model.clearScript();
      workspace.model.replyNext(say('Still here.'));
      const next = await instructions.create(workspace.container.id, 'Are you there?');
      await expect(instructions.waitForEnd(next.id)).resolves.toMatchObject({ status: 'succeeded' });
    });
  });

  describe('cancelling', () => {
    it('a queued instruction keeps it from running', async () => {
      const { id, release } = await startBlocked();
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
      release();
      await instructions.waitForEnd(id);
      workspace.model.replyNext(say('After it.'));
      await expect(
        instructions.waitForEnd((await instructions.create(workspace.container.id, 'After.')).id),
      ).resolves.toMatchObject({ result: 'After it.' });
      expect(workspace.model.turns).toHaveLength(turns + 1);
    });

    it('a running instruction interrupts it in every phase, and the next one starts', async () => {
      const phases: Record<string, () => Promise<string>> = {
        'during a turn of the model': async () => (await startBlocked()).id,
        'during a tool call': async () => {
          const mark = `/tmp/${randomUUID()}`;
          workspace.model.replyNext(bash(`touch ${mark}; sleep 300`));
          const { id } = await instructions.create(workspace.container.id, 'Sleep.');
          await until(
            'the tool to run',
            async () => (await server.engine.exec(workspace.container.dockerId!, ['test', '-e', mark])).exitCode === 0,
            30_000,
          );
          return id;
        },
        'right after its creation': async () => {
          workspace.model.replyNext(say('Too late.'));
          return (await instructions.create(workspace.container.id, 'Now.')).id;
        },
        'during its start': async () => {
          workspace.model.replyNext(say('Too late.'));
          const { id } = await instructions.create(workspace.container.id, 'Now.');
          await instructions.waitFor(id, 'to run', ({ status }) => status === 'running');
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

    it('a finished instruction changes nothing', async () => {
      workspace.model.replyNext(say('Done.'));
      const ended = await instructions.waitForEnd((await instructions.create(workspace.container.id, 'Quick.')).id);
      await expect(instructions.cancel(ended.id)).resolves.toMatchObject({ status: 200, body: ended });
    });
  });

  describe('permissions', () => {
    let asking: Workspace;

    beforeAll(async () => {
      asking = await server.workspace({ mode: 'interactive' });
    }, 60_000);

    async function requestPermission(command: string): Promise<{ id: string; requestId: string }> {
      asking.model.replyNext(bash(command), say('Done.'));
      const { id } = await instructions.create(asking.container.id, command);
      const waiting = await instructions.waitFor(
        id,
        'to request a permission',
        ({ permissions }) => permissions.length > 0,
      );
      expect(waiting).toMatchObject({
        status: 'running',
        permissions: [{ toolName: 'Bash', input: { command }, requestId: expect.any(String) }],
      });
      return { id, requestId: waiting.permissions[0]!.requestId };
    }
    const exists = async (file: string): Promise<boolean> =>
      (await server.engine.exec(asking.container.dockerId!, ['test', '-e', file])).exitCode === 0;

    it('are requested in an interactive container, and granted', async () => {
      const { id, requestId } = await requestPermission('touch /workspace/allowed');
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      await until('the update with the request', () =>
        client.all('instruction:update').some(({ instruction }) => instruction.permissions[0]?.requestId === requestId),
      );
      await expect(exists('/workspace/allowed')).resolves.toBe(false);
      expect(ok(await instructions.answer(id, requestId, { decision: 'allow' })).permissions).toEqual([]);
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded', result: 'Done.' });
      await expect(exists('/workspace/allowed')).resolves.toBe(true);
      // The same answer changes nothing, another one is refused.
      expect((await instructions.answer(id, requestId, { decision: 'allow' })).status).toBe(200);
      expect(problem(await instructions.answer(id, requestId, { decision: 'deny' }))).toMatchObject({ status: 409 });
    });

    it('appear in the agent state, as does the rest of the run', async () => {
      const client = await connect();
      await client.ask('subscribe:status', { containerId: asking.container.id });
      const agent = async () => ok(await server.api.get(asking.container.id)).agent;
      const { id, requestId } = await requestPermission('touch /workspace/shown');
      const waiting = {
        active: true,
        state: 'waiting',
        since: expect.any(String),
        waitingFor: { tool: 'Bash', text: 'touch /workspace/shown' },
        modelProblem: null,
      };
      await until('the agent state to be waiting', async () => (await agent())?.state === 'waiting');
      await expect(agent()).resolves.toEqual(waiting);
      const metrics = await server.api.request<{ agent: unknown }>(
        'GET',
        `/api/containers/${asking.container.id}/metrics`,
      );
      expect(ok(metrics).agent).toEqual(waiting);
      ok(await instructions.answer(id, requestId, { decision: 'allow' }));
      await instructions.waitForEnd(id);
      await until(
        'the agent to finish',
        async () => !['working', 'waiting'].includes((await agent())?.state ?? 'none'),
      );
      const states = client.all('status:update').map((update) => update.agent?.state);
      expect(states.filter((state, index) => state !== states[index - 1])).toEqual(
        expect.arrayContaining(['working', 'waiting']),
      );
      expect(states.indexOf('working')).toBeLessThan(states.indexOf('waiting'));
    });

    it('are denied with a message for the agent', async () => {
      const { id, requestId } = await requestPermission('touch /workspace/denied');
      ok(await instructions.answer(id, requestId, { decision: 'deny', message: 'Not on my watch.' }));
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded' });
      await expect(exists('/workspace/denied')).resolves.toBe(false);
      expect(JSON.stringify(asking.model.turns.at(-1)!.toolResults)).toContain('Not on my watch.');
    });

    it('are closed with their instruction', async () => {
      const { id, requestId } = await requestPermission('touch /workspace/cancelled');
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

    it('are not requested in an autonomous container', async () => {
      workspace.model.replyNext(bash('touch /workspace/autonomous'), say('Done.'));
      const ended = await instructions.waitForEnd((await instructions.create(workspace.container.id, 'Touch.')).id);
      expect(ended.status).toBe('succeeded');
      expect((await instructions.events(ended.id)).filter(({ event }) => event.type === 'control_request')).toEqual([]);
    });
  });

  it('admits no more at once than the quota of the project, queued ones included', async () => {
    const of = workspace.container.id;
    const quota = (quotas: object) => server.api.request('PATCH', '/api/projects/default', { body: { quotas } });
    const usage = async () => ok(await server.api.request('GET', '/api/projects/default/usage'));
    ok(await quota({ instructions: 3 }));
    const { id, release } = await startBlocked();
    try {
      const answers = await Promise.all(Array.from({ length: 10 }, () => instructions.post(of, { prompt: 'Wait.' })));
      const accepted = answers.filter(({ status }) => status === 202);
      expect(accepted).toHaveLength(2);
      for (const answer of answers.filter(({ status }) => status !== 202))
        expect(problem(answer)).toMatchObject({ status: 403, code: 'quota_exceeded', quota: 'instructions', limit: 3 });
      expect(await usage()).toMatchObject({ instructions: { used: 3, limit: 3 } });
      for (const { body } of accepted) ok(await instructions.cancel(body.id));
      expect(await usage()).toMatchObject({ instructions: { used: 1, limit: 3 } });
    } finally {
      ok(await quota({}));
      release();
    }
    await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded' });
    expect(await usage()).toMatchObject({ instructions: { used: 0, limit: null } });
  });

  describe('the container', () => {
    it('must run, unless startIfStopped is set', async () => {
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

    it('fails the running instruction when it is stopped, and runs the queued one when it is started', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await startBlocked(of);
      const waiting = await instructions.create(of.container.id, 'Next.');
      ok(await server.api.stop(of.container.id));
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({
        status: 'failed',
        statusReason: { code: 'container_stopped' },
      });
      // Time in which the queued one would be started.
      await sleep(500);
      await expect(get(waiting.id)).resolves.toMatchObject({ status: 'queued' });
      of.model.replyNext(say('Next.'));
      ok(await server.api.start(of.container.id));
      await expect(instructions.waitForEnd(waiting.id)).resolves.toMatchObject({
        status: 'succeeded',
        result: 'Next.',
      });
      await server.api.remove(of.container.id);
    });

    it('deletes its instructions when it is deleted', async () => {
      const of = await server.workspace({ cpuLimit: 1, memoryLimit: 512 });
      const { id } = await startBlocked(of);
      const waiting = await instructions.create(of.container.id, 'Next.');
      const reading = instructions.events(id, { follow: true });
      const client = await connect();
      await client.ask('subscribe:instruction', { instructionId: id });
      expect((await server.api.remove(of.container.id)).status).toBe(204);
      for (const deleted of [id, waiting.id])
        expect(problem(await instructions.get(deleted))).toMatchObject({ status: 404, code: 'instruction_not_found' });
      expect(problem(await instructions.list(of.container.id))).toMatchObject({
        status: 404,
        code: 'container_not_found',
      });
      await reading;
      await until('instruction:removed', () => client.all('instruction:removed').length > 0);
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
      ['an array as a prompt', { prompt: ['a'] }, 'prompt'],
      ['a session id that is not a UUID', { prompt: 'a', sessionId: '../x' }, 'sessionId'],
      ['a session together with continue', { prompt: 'a', sessionId: randomUUID(), continue: true }, 'continue'],
      ['a string for continue', { prompt: 'a', continue: 'yes' }, 'continue'],
      ['a command-line option as model', { prompt: 'a', model: '--dangerous' }, 'model'],
      ['a limit of zero turns', { prompt: 'a', maxTurns: 0 }, 'maxTurns'],
      ['a fractional number of turns', { prompt: 'a', maxTurns: 1.5 }, 'maxTurns'],
      ['a negative budget', { prompt: 'a', maxBudgetUsd: -1 }, 'maxBudgetUsd'],
      ['a timeout of zero', { prompt: 'a', timeoutSeconds: 0 }, 'timeoutSeconds'],
      ['an unknown property', { prompt: 'a', dangerouslySkipPermissions: true }, 'dangerouslySkipPermissions'],
    ])('%s is refused', async (_, body, field) => {
      const refused = problem(await instructions.post(workspace.container.id, body));
      expect(refused).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ field }] });
    });

    it('of too large bodies, unknown ids and invalid queries is refused', async () => {
      expect(problem(await instructions.post(workspace.container.id, { prompt: 'x'.repeat(MIB) }))).toMatchObject({
        status: 413,
        code: 'payload_too_large',
      });
      expect(problem(await instructions.post('unknown', { prompt: 'a' }))).toMatchObject({
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

    it('does not include a prompt of 200 kB with quotes and options', async () => {
      const prompt = `--help "quoted" $HOME \`id\` \\ ü\n${'x'.repeat(199_000)}end`;
      workspace.model.replyNext(say('Long.'));
      const { id } = await instructions.create(workspace.container.id, prompt);
      await expect(instructions.waitForEnd(id)).resolves.toMatchObject({ status: 'succeeded', prompt });
      expect(workspace.model.turns.at(-1)!.prompt).toContain(prompt);
    });

    it('for a container without Claude Code is refused', async () => {
      const { id } = ok(await server.api.create({ name: uniqueName('editor'), template: 'vscode', memoryLimit: 256 }));
      expect(problem(await instructions.post(id, { prompt: 'a' }))).toMatchObject({
        status: 409,
        code: 'no_claude_code',
      });
      await server.api.remove(id);
    });
  });
});
