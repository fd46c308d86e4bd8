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

/** From the beginning of a state to its update. */
const MOST_MS = 1_000;
/** On a machine that has other things to do. */
const LATEST_MS = 5_000;
const PATIENCE_MS = 40_000;
const TEST_MS = 120_000;
const NONE: AgentState = { active: false, state: 'none', since: null, waitingFor: null };

describe('what Claude Code does, in a running container', () => {
  let server: TestServer;
  let messages: MessagesApi;
  let container: Container;
  let model: ScriptedModel;
  let client: SocketClient;
  /** Updates of before are of no interest. */
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
   * Waits for the update that says so, and notes how long it took: the state's own `since` tells when it began.
   * @param begun when it began, where the state has no `since`
   */
  const pushed = async (
    what: string,
    state: AgentState['state'],
    begun?: number,
    waitingFor?: AgentState['waitingFor'],
  ): Promise<AgentState> => {
    const find = (from: number, fits: (agent: AgentState) => boolean) => {
      const index = client
        .timed('status:update')
        .findIndex(({ payload: { agent } }, at) => at >= from && agent?.state === state && fits(agent));
      return index < 0 ? undefined : { index, ...client.timed('status:update')[index]! };
    };
    const first = await until(`${what}: ${state}`, () => find(seen, () => true), PATIENCE_MS);
    const ms = first.at - (begun ?? Date.parse(first.payload.agent!.since!));
    delays.push({ what: `${what}: ${state}`, ms });
    expect(ms).toBeLessThan(LATEST_MS);
    // A hook that is late tells of it in another update.
    const isThat = (agent: AgentState) =>
      waitingFor === undefined ||
      (agent.waitingFor?.tool === waitingFor?.tool && agent.waitingFor?.text === waitingFor?.text);
    const last = await until(
      `${what}: ${JSON.stringify(waitingFor)}, not ${JSON.stringify(first.payload.agent)}`,
      () => find(first.index, isThat),
      PATIENCE_MS,
    );
    seen = last.index + 1;
    expect(last.payload.agent!.active).toBe(state !== 'none');
    return last.payload.agent!;
  };
  /** REST and metrics say what was pushed. */
  const agrees = async (agent: AgentState): Promise<void> => {
    expect(ok(await server.api.get(container.id)).agent).toEqual(agent);
    expect((await metricsOf(container)).agent).toEqual(agent);
    const { items } = ok(await server.api.list({ includeMetrics: 'true' }));
    expect(items.find(({ id }) => id === container.id)).toMatchObject({ agent, metrics: { agent } });
  };
  const none = async (what: string, begun: number): Promise<void> => agrees(await pushed(what, 'none', begun));

  beforeAll(async () => {
    messages = await startMessagesApi();
    model = messages.model('agent-state');
    server = await startTestServer();
    await ensureImages(server, 'claude');
    container = ok(
      await server.api.create(
        { name: uniqueName('agent'), template: 'claude', cpuLimit: 2, memoryLimit: 2048, env: model.env },
        { prefer: 'wait=60' },
      ),
    );
    await until('the agent to be known', async () => ok(await server.api.get(container.id)).agent !== null);
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
    await agrees(NONE);
  });

  it(
    'is working while the model writes, and idle when it has finished',
    async () => {
      const terminal = await open();
      await agrees(await pushed('a session was opened', 'idle'));
      const finish = Promise.withResolvers<void>();
      model.replyNext(say('Slowly. '.repeat(20), { paceMs: 20, interrupted: { at: 'amid', by: finish.promise } }));
      await terminal.submit('Take your time');
      const working = await pushed('a prompt was sent', 'working');
      await agrees(working);
      finish.resolve();
      const idle = await pushed('the turn ended', 'idle');
      expect(Date.parse(idle.since!)).toBeGreaterThan(Date.parse(working.since!));
      await agrees(idle);
      await terminal.submit('/exit');
      await none('/exit', Date.now());
    },
    TEST_MS,
  );

  it(
    'is idle again when a person interrupts it',
    async () => {
      const terminal = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'amid', by: 'hang' } }));
      await terminal.submit('Begin');
      await pushed('a prompt was sent', 'working');
      await terminal.press('Escape');
      await agrees(await pushed('Escape', 'idle'));
    },
    TEST_MS,
  );

  it(
    'is waiting for a permission, tells for what, and works on once it is given',
    async () => {
      const terminal = await open();
      const command = 'touch /workspace/allowed; until [ -e /workspace/finish ]; do sleep 0.1; done';
      model.replyNext(bash(command), say('Done.'));
      await terminal.submit('Touch it');
      const waiting = await pushed('a permission is asked for', 'waiting', undefined, { tool: 'Bash', text: command });
      await agrees(waiting);
      await terminal.answerDialog('Enter');
      // The command itself has not ended.
      const working = await pushed('it was given', 'working');
      expect(working.waitingFor).toBeNull();
      await agrees(working);
      await inside('touch /workspace/finish');
      await pushed('the turn ended', 'idle');
      expect(model.turns.at(-1)!.toolResults).toEqual([expect.objectContaining({ isError: false })]);
    },
    TEST_MS,
  );

  it(
    'is idle once a permission is refused',
    async () => {
      const terminal = await open();
      model.replyNext(call('Write', { file_path: '/workspace/refused.txt', content: 'x' }));
      await terminal.submit('Write it');
      await pushed('a permission is asked for', 'waiting', undefined, {
        tool: 'Write',
        text: '/workspace/refused.txt',
      });
      await terminal.answerDialog('Escape');
      await agrees(await pushed('it was refused', 'idle'));
    },
    TEST_MS,
  );

  it(
    'is waiting for the answer to a question',
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
      await pushed('a question is asked', 'waiting', undefined, {
        tool: 'AskUserQuestion',
        text: 'Which colour, "red" or blue?',
      });
      await terminal.answerDialog('Enter');
      await pushed('it was answered', 'idle');
    },
    TEST_MS,
  );

  it(
    'is working while a command goes on in the background after the turn',
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
    'is none when it is killed, at work and at a permission',
    async () => {
      const first = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'amid', by: 'hang' } }));
      await first.submit('Begin');
      await pushed('a prompt was sent', 'working');
      await first.kill();
      await none('SIGKILL at work', Date.now());

      const second = await open();
      model.replyNext(bash('touch /workspace/never'));
      await second.submit('Touch it');
      await pushed('a permission is asked for', 'waiting');
      await second.kill();
      await none('SIGKILL while it waits', Date.now());
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
        say('Done.', { interrupted: { at: 'amid', by: finish.promise } }),
      );
      const turns = model.turns.length;
      const run = inside(`claude -p 'Look around' --dangerously-skip-permissions ${args} < /dev/null`);
      await agrees(await pushed(`claude -p ${args}`, 'working'));
      const { toolResults } = await model.waitForTurn(turns + 2);
      expect(toolResults[0]!.text).toMatch(HOOKS_RUN);
      finish.resolve();
      expect(await run).toMatchObject({ exitCode: 0, stdout: 'Done.\n' });
      await none('the run ended', Date.now());
    },
    TEST_MS,
  );

  it(
    'is told whatever hooks the user and the repository have, and leaves them alone',
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
    'is that of the session which needs somebody most, where there are several',
    async () => {
      const first = await open();
      model.replyNext(say('Never ending.', { interrupted: { at: 'amid', by: 'hang' } }));
      await first.submit('Begin');
      const working = await pushed('a prompt was sent', 'working');
      const second = await open();
      expect(ok(await server.api.get(container.id)).agent).toEqual(working);
      model.replyNext(bash('touch /workspace/never'));
      await second.submit('Touch it');
      await pushed('the second asks for a permission', 'waiting');
      await second.kill();
      await agrees(await pushed('the second is gone', 'working', Date.now()));
      await first.press('Escape');
      await pushed('the first is interrupted', 'idle');
    },
    TEST_MS,
  );

  it(
    'is taken from the process table where nobody tells',
    async () => {
      await inside('cp /bin/sleep /tmp/claude');
      const run = inside('/tmp/claude 3');
      await agrees(await pushed('a process without a terminal', 'working'));
      await run;
      await none('it ended', Date.now());
      await inside('tmux new-session -d -s floor /tmp/claude 60');
      await agrees(await pushed('a process at a terminal', 'idle'));
      await inside('tmux kill-server');
      await none('it was ended', Date.now());
    },
    TEST_MS,
  );

  it(
    'is nothing of before, once the container was stopped',
    async () => {
      const terminal = await open();
      model.replyNext(bash('touch /workspace/never'));
      await terminal.submit('Touch it');
      await pushed('a permission is asked for', 'waiting');
      ok(await server.api.stop(container.id));
      expect(ok(await server.api.get(container.id)).agent).toEqual(NONE);
      expect(client.all('status:update').at(-1)).toMatchObject({ status: 'stopped', agent: NONE });
      ok(await server.api.start(container.id));
      await until('it to be known', async () => ok(await server.api.get(container.id)).agent !== null);
      await agrees(NONE);
      expect((await inside('ls -A /var/lib/devforge/agents')).stdout).toBe('');
    },
    TEST_MS,
  );

  it(
    'is right at once after DevForge was killed and started, and one process in the container tells it',
    async () => {
      const watchers = async (): Promise<number> =>
        Number((await inside('pgrep --full --count "devforge-agents watch" || true')).stdout) - 1;
      const terminal = await open();
      model.replyNext(bash('touch /workspace/never'), say('Done.'));
      await terminal.submit('Touch it');
      const waiting = await pushed('a permission is asked for', 'waiting', undefined, {
        tool: 'Bash',
        text: 'touch /workspace/never',
      });
      await expect(watchers()).resolves.toBe(1);

      await server.devforge.kill();
      await until('the watch to end with the server', async () => (await watchers()) === 0, LATEST_MS);
      await server.devforge.restart();
      const ready = Date.now();
      const agent = await until('the state', async () => ok(await server.api.get(container.id)).agent ?? undefined);
      delays.push({ what: 'ready after a restart: known', ms: Date.now() - ready });
      expect(Date.now() - ready).toBeLessThan(LATEST_MS);
      expect(agent).toEqual(waiting);
      await expect(watchers()).resolves.toBe(1);

      client.close();
      await connect();
      await terminal.answerDialog('Enter');
      await pushed('it was given', 'idle');
    },
    TEST_MS,
  );

  it('comes within a second of the state', () => {
    const sorted = delays.map(({ ms }) => ms).toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)]!;
    console.log(
      `From the beginning of a state to its status:update, median ${median} ms\n  ${delays.map(({ what, ms }) => `${ms} ms  ${what}`).join('\n  ')}`,
    );
    expect(sorted.length).toBeGreaterThan(30);
    expect(median).toBeLessThan(MOST_MS);
  });
});
