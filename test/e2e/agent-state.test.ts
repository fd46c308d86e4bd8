import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { AgentState, Container, Metrics } from '../support/api/types.js';
import { ClaudeTerminal } from '../support/claude/claude-terminal.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { bash, call, say } from '../support/messages-api/replies.js';
import type { ScriptedModel } from '../support/messages-api/scripted-model.js';
import { SocketClient } from '../support/sockets/socket-client.js';

/** From the start of a state to its update, in the median. */
const MAX_MEDIAN_MS = 1_000;
/** For a single update on a loaded machine. */
const MAX_DELAY_MS = 5_000;
const TIMEOUT_MS = 40_000;
const TEST_MS = 120_000;
const NONE: AgentState = { active: false, state: 'none', since: null, waitingFor: null, modelProblem: null };

describe('the agent state of a running container', () => {
  let server: TestServer;
  let messages: MessagesApi;
  let container: Container;
  let model: ScriptedModel;
  /** The model that the operator's credential leads to. */
  let operators: ScriptedModel;
  let client: SocketClient;
  /** Updates before this index were checked by earlier steps. */
  let seen = 0;
  const delays: { what: string; ms: number }[] = [];

  const inside = (script: string, options: { timeoutMs?: number } = {}) =>
    server.engine.exec(container.dockerId!, ['bash', '-c', script], options);
  const connect = async (): Promise<void> => {
    client = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    await client.ask('subscribe:status', { containerId: container.id });
    seen = 0;
  };
  const open = (args?: string[]): Promise<ClaudeTerminal> =>
    ClaudeTerminal.open(server.engine, container.dockerId!, model, args && { args });
  const metricsOf = async ({ id }: Container): Promise<Metrics> =>
    ok(await server.api.request<Metrics>('GET', `/api/containers/${id}/metrics`));

  /**
   * Waits for an update with the state, and records its delay from the state's `since`.
   * @param startedAt when the state began, where it has no `since`
   */
  const pushed = async (
    what: string,
    state: AgentState['state'],
    startedAt?: number,
    waitingFor?: AgentState['waitingFor'],
  ): Promise<AgentState> => {
    const find = (from: number, matches: (agent: AgentState) => boolean) => {
      const index = client
        .timed('status:update')
        .findIndex(({ payload: { agent } }, at) => at >= from && agent?.state === state && matches(agent));
      return index < 0 ? undefined : { index, ...client.timed('status:update')[index]! };
    };
    const first = await until(`${what}: ${state}`, () => find(seen, () => true), TIMEOUT_MS).catch(
      async (error: unknown) => {
        const states = client.all('status:update').map(({ agent }) => agent?.state);
        const { stdout } = await inside('for each in $(tmux ls -F "#S"); do tmux capture-pane -p -t "$each"; done');
        throw new Error(`${what}: not ${state}, but ${states.slice(seen).join(', ')}, on screen:\n${stdout}`, {
          cause: error,
        });
      },
    );
    const ms = first.at - (startedAt ?? Date.parse(first.payload.agent!.since!));
    delays.push({ what: `${what}: ${state}`, ms });
    expect(ms).toBeLessThan(MAX_DELAY_MS);
    // What the agent waits for may follow in a later update.
    const isExpected = (agent: AgentState) =>
      waitingFor === undefined ||
      (agent.waitingFor?.tool === waitingFor?.tool && agent.waitingFor?.text === waitingFor?.text);
    const last = await until(
      `${what}: ${JSON.stringify(waitingFor)}, not ${JSON.stringify(first.payload.agent)}`,
      () => find(first.index, isExpected),
      TIMEOUT_MS,
    );
    seen = last.index + 1;
    expect(last.payload.agent!.active).toBe(state !== 'none');
    return last.payload.agent!;
  };
  /** Expects the same state from REST and in metrics. */
  const expectEverywhere = async (agent: AgentState): Promise<void> => {
    expect(ok(await server.api.get(container.id)).agent).toEqual(agent);
    expect((await metricsOf(container)).agent).toEqual(agent);
    const { items } = ok(await server.api.list({ includeMetrics: 'true' }));
    expect(items.find(({ id }) => id === container.id)).toMatchObject({ agent, metrics: { agent } });
  };
  const expectNone = async (what: string, startedAt: number): Promise<void> =>
    expectEverywhere(await pushed(what, 'none', startedAt));

  beforeAll(async () => {
    messages = await startMessagesApi();
    model = messages.model('agent-state');
    operators = messages.model('operator');
    server = await startTestServer(operators.env);
    await ensureImages(server, 'claude');
    container = ok(
      await server.api.create(
        { name: uniqueName('agent'), template: 'claude', cpuLimit: 2, memoryLimit: 2048, env: model.env },
        { prefer: 'wait=60' },
      ),
    );
    await until('the agent state to be known', async () => ok(await server.api.get(container.id)).agent !== null);
    await connect();
  }, IMAGE_BUILD_MS);
  afterEach(async () => {
    await inside('tmux kill-server 2> /dev/null; pkill -KILL -x claude; rm -rf /workspace/.claude /tmp/claude');
    await until('no session to be left', async () => ok(await server.api.get(container.id)).agent?.state === 'none');
    seen = client.all('status:update').length;
    model.clearScript();
  });
  afterAll(async () => {
    client?.close();
    await server?.dispose();
    await messages?.close();
  }, 60_000);

  it('is none while no session is open', async () => {
    await expectEverywhere(NONE);
  });

  it(
    'is working during a turn, and idle after it',
    async () => {
      const terminal = await open();
      await expectEverywhere(await pushed('a session was opened', 'idle'));
      const finish = Promise.withResolvers<void>();
      model.replyNext(
        say('Slowly. '.repeat(20), { chunkDelayMs: 20, interrupted: { at: 'during', by: finish.promise } }),
      );
      await terminal.submit('Take your time');
      const working = await pushed('a prompt was sent', 'working');
      await expectEverywhere(working);
      finish.resolve();
      const idle = await pushed('the turn ended', 'idle');
      expect(Date.parse(idle.since!)).toBeGreaterThan(Date.parse(working.since!));
      await expectEverywhere(idle);
      await terminal.submit('/exit');
      await expectNone('/exit', Date.now());
    },
    TEST_MS,
  );

  it(
    'is idle after the user interrupts a turn',
    async () => {
      const terminal = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'during', by: 'hang' } }));
      await terminal.submit('Begin');
      await pushed('a prompt was sent', 'working');
      await terminal.press('Escape');
      await expectEverywhere(await pushed('Escape', 'idle'));
    },
    TEST_MS,
  );

  it(
    'is waiting during a permission request, and working after it is granted',
    async () => {
      const terminal = await open();
      const command = 'touch /workspace/allowed; until [ -e /workspace/finish ]; do sleep 0.1; done';
      model.replyNext(bash(command), say('Done.'));
      await terminal.submit('Touch it');
      const waiting = await pushed('a permission was requested', 'waiting', undefined, { tool: 'Bash', text: command });
      await expectEverywhere(waiting);
      await terminal.answerDialog('Enter');
      // The command is still running.
      const working = await pushed('the permission was granted', 'working');
      expect(working.waitingFor).toBeNull();
      await expectEverywhere(working);
      await inside('touch /workspace/finish');
      await pushed('the turn ended', 'idle');
      expect(model.turns.at(-1)!.toolResults).toEqual([expect.objectContaining({ isError: false })]);
    },
    TEST_MS,
  );

  it(
    'is idle after a permission is denied',
    async () => {
      const terminal = await open();
      model.replyNext(call('Write', { file_path: '/workspace/refused.txt', content: 'x' }));
      await terminal.submit('Write it');
      await pushed('a permission was requested', 'waiting', undefined, {
        tool: 'Write',
        text: '/workspace/refused.txt',
      });
      await terminal.answerDialog('Escape');
      await expectEverywhere(await pushed('the permission was denied', 'idle'));
    },
    TEST_MS,
  );

  it(
    'is waiting during a question to the user',
    async () => {
      const terminal = await open();
      const questions = [
        {
          question: 'Which colour, "red" or blue?',
          header: 'Colour',
          multiSelect: false,
          options: [
            { label: 'Red', description: 'r' },
            { label: 'Blue', description: 'b' },
          ],
        },
      ];
      model.replyNext(call('AskUserQuestion', { questions }), say('Red it is.'));
      await terminal.submit('Ask me');
      await pushed('a question was asked', 'waiting', undefined, {
        tool: 'AskUserQuestion',
        text: 'Which colour, "red" or blue?',
      });
      await terminal.answerDialog('Enter');
      await pushed('the question was answered', 'idle');
    },
    TEST_MS,
  );

  it(
    'is working while a background command runs after the turn',
    async () => {
      const terminal = await open([
        '--dangerously-skip-permissions',
        '--permission-mode',
        'bypassPermissions',
        '--settings',
        '{"skipDangerousModePermissionPrompt":true}',
      ]);
      model.replyNext(
        call('Bash', { command: 'sleep 3', description: 'Wait', run_in_background: true }),
        say('It runs.'),
        say('It has ended.'),
      );
      await terminal.submit('Start it');
      const { since } = await pushed('a prompt was sent', 'working');
      await until('the turn to end', async () => (await terminal.screen()).includes('It runs.'));
      await pushed('the command ended', 'idle');
      const states = client.all('status:update').map(({ agent }) => agent);
      expect(
        states.filter(
          (agent) =>
            agent?.state === 'working' && agent.since !== since && Date.parse(agent.since!) > Date.parse(since!),
        ),
      ).toEqual([]);
    },
    TEST_MS,
  );

  it(
    'is none after a session is killed while working or waiting',
    async () => {
      const first = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'during', by: 'hang' } }));
      await first.submit('Begin');
      await pushed('a prompt was sent', 'working');
      await first.kill();
      await expectNone('SIGKILL while working', Date.now());

      const second = await open();
      model.replyNext(bash('touch /workspace/never'));
      await second.submit('Touch it');
      await pushed('a permission was requested', 'waiting');
      await second.kill();
      await expectNone('SIGKILL while waiting', Date.now());
    },
    TEST_MS,
  );

  const HOOKS_RUN = /^\d+ working \d{16} \/var\/lib\/devforge\/claude\/sessions\/\d+\.json/;
  it.each(['', '--setting-sources user', '--bare'])(
    'is working during a run of claude -p %s',
    async (args) => {
      const finish = Promise.withResolvers<void>();
      model.replyNext(
        bash('cat /var/lib/devforge/agents/*'),
        say('Done.', { interrupted: { at: 'during', by: finish.promise } }),
      );
      const turns = model.turns.length;
      const run = inside(`claude -p 'Look around' --dangerously-skip-permissions ${args} < /dev/null`);
      await expectEverywhere(await pushed(`claude -p ${args}`, 'working'));
      const { toolResults } = await model.waitForTurn(turns + 2);
      expect(toolResults[0]!.text).toMatch(HOOKS_RUN);
      finish.resolve();
      expect(await run).toMatchObject({ exitCode: 0, stdout: 'Done.\n' });
      await expectNone('the run ended', Date.now());
    },
    TEST_MS,
  );

  it(
    'is reported beside hooks of the user and the repository, which run as well',
    async () => {
      const hook = (name: string) => ({
        hooks: { Stop: [{ hooks: [{ type: 'command', command: `touch /workspace/${name}` }] }] },
      });
      const write = (path: string, settings: object) =>
        inside(`mkdir -p "$(dirname ${path})"; cat > ${path} <<'END'\n${JSON.stringify(settings)}\nEND`);
      await write('$CLAUDE_CONFIG_DIR/settings.json', hook('by-user'));
      await write('/workspace/.claude/settings.json', hook('by-repository'));
      const look = async (): Promise<string> => {
        model.replyNext(bash('cat /var/lib/devforge/agents/*'), say('Done.'));
        await inside(`claude -p 'Look around' --dangerously-skip-permissions < /dev/null`);
        return model.turns.at(-1)!.toolResults[0]!.text;
      };
      expect(await look()).toMatch(HOOKS_RUN);
      expect((await inside('cd /workspace; ls by-*')).stdout).toBe('by-repository\nby-user\n');
      await write('/workspace/.claude/settings.json', { disableAllHooks: true });
      expect(await look()).toMatch(HOOKS_RUN);
      await inside('rm "$CLAUDE_CONFIG_DIR/settings.json"');
    },
    TEST_MS,
  );

  it(
    'is the most urgent state of several sessions',
    async () => {
      const first = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'during', by: 'hang' } }));
      await first.submit('Begin');
      const working = await pushed('a prompt was sent', 'working');
      const second = await open();
      expect(ok(await server.api.get(container.id)).agent).toEqual(working);
      model.replyNext(bash('touch /workspace/never'));
      await second.submit('Touch it');
      await pushed('the second session requests a permission', 'waiting');
      await second.kill();
      await expectEverywhere(await pushed('the second session was killed', 'working', Date.now()));
      await first.press('Escape');
      await pushed('the first session was interrupted', 'idle');
    },
    TEST_MS,
  );

  it(
    'is derived from the process table when there are no hooks',
    async () => {
      await inside('cp /bin/sleep /tmp/claude');
      const run = inside('/tmp/claude 3');
      await expectEverywhere(await pushed('a process without a terminal', 'working'));
      await run;
      await expectNone('the process ended', Date.now());
      await inside('tmux new-session -d -s floor /tmp/claude 60');
      await expectEverywhere(await pushed('a process at a terminal', 'idle'));
      await inside('tmux kill-server');
      await expectNone('the process was killed', Date.now());
    },
    TEST_MS,
  );

  it(
    'is reset when the container is stopped',
    async () => {
      const terminal = await open();
      model.replyNext(bash('touch /workspace/never'));
      await terminal.submit('Touch it');
      await pushed('a permission was requested', 'waiting');
      ok(await server.api.stop(container.id));
      expect(ok(await server.api.get(container.id)).agent).toEqual(NONE);
      expect(client.all('status:update').at(-1)).toMatchObject({ status: 'stopped', agent: NONE });
      ok(await server.api.start(container.id));
      await until('the agent state to be known', async () => ok(await server.api.get(container.id)).agent !== null);
      await expectEverywhere(NONE);
      expect((await inside('ls -A /var/lib/devforge/agents')).stdout).toBe('');
    },
    TEST_MS,
  );

  it(
    "lets Claude Code just work with the operator's key, which is nowhere in the container",
    async () => {
      const key = operators.credential;
      const own = ok(
        await server.api.create(
          { name: uniqueName('agent'), template: 'claude', mode: 'autonomous', memoryLimit: 1024 },
          { prefer: 'wait=60' },
        ),
      );
      const run = (dockerId: string, script: string) => server.engine.exec(dockerId, ['bash', '-c', script]);
      operators.replyNext(say('Hello from the terminal.'));
      const terminal = await ClaudeTerminal.openAsUser(server.engine, own.dockerId!);
      await terminal.submit('Say hello');
      await until('the answer', async () => (await terminal.screen()).includes('Hello from the terminal.'));

      const { Config } = await server.engine.inspect(own.dockerId!);
      expect(Config.Env.join('\n')).not.toContain(key);
      // Split, so that the search does not find itself.
      const [start, end] = [key.slice(0, 8), key.slice(8)];
      const places =
        '/workspace /home /var/lib/devforge /tmp /run /dev/shm /etc /proc/[0-9]*/environ /proc/[0-9]*/cmdline';
      const search = (text: string): string => `a=${start} b=${end}; grep -rlsaF "${text}" ${places} 2> /dev/null`;
      expect((await run(own.dockerId!, search('$a$b'))).stdout).toBe('');
      // What Claude Code has instead is found.
      expect((await run(own.dockerId!, search('kept-by-devforge'))).stdout).toContain('/dev/shm/');

      operators.replyNext(say('Hello from the instruction.'));
      const { body } = await server.api.request<{ id: string }>('POST', `/api/containers/${own.id}/instructions`, {
        body: { prompt: 'Say hello' },
      });
      const instruction = () => server.api.request<{ status: string }>('GET', `/api/instructions/${body.id}`);
      await until('the instruction', async () => ok(await instruction()).status === 'succeeded', TIMEOUT_MS);

      // What Claude Code knows of its user outlives the engine's container, and so does a login.
      const config = 'jq --raw-output .userID "$CLAUDE_CONFIG_DIR/.claude.json"';
      const user = (await run(own.dockerId!, config)).stdout;
      expect(user).toMatch(/^\w{10}/);
      await server.engine.docker.getContainer(own.dockerId!).remove({ force: true });
      await server.api.waitForStatus(own.id, 'missing');
      const { dockerId } = ok(await server.api.start(own.id));
      operators.replyNext(say('Hello again.'));
      const again = await ClaudeTerminal.openAsUser(server.engine, dockerId!);
      await again.submit('Say hello again');
      await until('the answer', async () => (await again.screen()).includes('Hello again.'));
      expect((await run(dockerId!, config)).stdout).toBe(user);
    },
    TEST_MS,
  );

  it(
    'is known within 5 s of a restart of DevForge, and reported by one process in the container',
    async () => {
      const watchers = async (): Promise<number> =>
        Number((await inside('pgrep --full --count "devforge-agents watch" || true')).stdout) - 1;
      const terminal = await open();
      model.replyNext(bash('touch /workspace/never'), say('Done.'));
      await terminal.submit('Touch it');
      const waiting = await pushed('a permission was requested', 'waiting', undefined, {
        tool: 'Bash',
        text: 'touch /workspace/never',
      });
      await expect(watchers()).resolves.toBe(1);

      await server.devforge.kill();
      await until('the watch to end with the server', async () => (await watchers()) === 0, MAX_DELAY_MS);
      await server.devforge.restart();
      const readyAt = Date.now();
      const agent = await until('the state', async () => ok(await server.api.get(container.id)).agent ?? undefined);
      delays.push({ what: 'ready after a restart: known', ms: Date.now() - readyAt });
      expect(Date.now() - readyAt).toBeLessThan(MAX_DELAY_MS);
      expect(agent).toEqual(waiting);
      await expect(watchers()).resolves.toBe(1);

      client.close();
      await connect();
      await terminal.answerDialog('Enter');
      await pushed('the permission was granted', 'idle');
    },
    TEST_MS,
  );

  it('is pushed within a second in the median', () => {
    const sorted = delays.map(({ ms }) => ms).toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]!;
    console.log(
      `From the start of a state to its status:update, median ${median} ms\n  ${delays.map(({ what, ms }) => `${ms} ms  ${what}`).join('\n  ')}`,
    );
    expect(sorted.length).toBeGreaterThan(30);
    expect(median).toBeLessThan(MAX_MEDIAN_MS);
  });
});
