import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Engine, type ExecResult } from '../support/api/engine.js';
import { workspaceImage } from '../support/images/workspace-image.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { bash, call, overloaded, rateLimited, say, turn, unauthorized } from '../support/messages-api/replies.js';
import type { ScriptedModel } from '../support/messages-api/scripted-model.js';

interface CliEvent {
  type: string;
  subtype?: string;
  session_id?: string;
  result?: string;
  is_error?: boolean;
  api_error_status?: number | null;
  num_turns?: number;
  usage?: { input_tokens: number; output_tokens: number };
  total_cost_usd?: number;
}

describe('the simulated Messages API with the real Claude Code', () => {
  const engine = new Engine();
  let api: MessagesApi;
  let dockerId: string;
  let models = 0;

  /** A separate model for each test. */
  const model = (): ScriptedModel => api.model(`contract-${(models += 1)}`);
  const inside = (argv: string[], env: Record<string, string> = {}): Promise<ExecResult> =>
    engine.exec(dockerId, argv, { env, timeoutMs: 60_000 });
  const claude = async (
    model: ScriptedModel,
    prompt: string,
    args: string[] = [],
    env: Record<string, string> = {},
  ): Promise<{ events: CliEvent[]; result: CliEvent; exitCode: number | null }> => {
    const { stdout, stderr, exitCode } = await inside(
      ['claude', '-p', prompt, '--output-format', 'stream-json', '--verbose', ...args],
      { ...model.env, ...env },
    );
    const events = stdout
      .trim()
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as CliEvent);
    const result = events.at(-1);
    if (result?.type !== 'result')
      throw new Error(`Claude Code ended with ${exitCode} and without a result: ${stdout}${stderr}`);
    return { events, result, exitCode };
  };

  beforeAll(async () => {
    api = await startMessagesApi();
    const created = await engine.docker.createContainer({
      name: `devforge-test-${randomUUID()}`,
      Image: await workspaceImage('claude'),
      HostConfig: { Init: true, NetworkMode: 'bridge', Tmpfs: { '/tmp': 'rw,exec,mode=1777' } },
    });
    dockerId = created.id;
    await created.start();
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    if (dockerId) await engine.docker.getContainer(dockerId).remove({ force: true, v: true });
    await api.close();
  });

  it('replies with a tool call and records the requests', async () => {
    const scripted = model().replyNext(bash('echo from-the-tool'), say('It says from-the-tool.'));
    const { events, result, exitCode } = await claude(scripted, 'What does the tool say?');
    expect(exitCode).toBe(0);
    const relevant = events.filter(({ subtype }) => !subtype?.startsWith('hook_'));
    expect(relevant.map(({ type }) => type)).toEqual(['system', 'assistant', 'user', 'assistant', 'result']);
    expect(result).toMatchObject({
      subtype: 'success',
      is_error: false,
      result: 'It says from-the-tool.',
      num_turns: 2,
    });
    expect(result.total_cost_usd).toBeGreaterThan(0);

    const [first, second, ...more] = scripted.turns;
    expect(more).toEqual([]);
    expect(first).toMatchObject({
      credential: { kind: 'api-key', value: scripted.credential },
      prompt: expect.stringContaining('What does the tool say?'),
    });
    expect(first!.body.tools!.map(({ name }) => name)).toEqual(expect.arrayContaining(['Bash', 'Edit', 'Write']));
    expect(second!.toolResults).toEqual([
      { id: expect.stringMatching(/^toolu_/), text: 'from-the-tool', isError: false },
    ]);
  });

  it('replies with thinking, text and several tool calls that write files', async () => {
    const scripted = model().replyNext(
      turn(
        [
          { type: 'thinking', thinking: 'A file is wanted.' },
          { type: 'text', text: 'I write it. ' },
          { type: 'tool_use', name: 'Write', input: { file_path: '/workspace/note.txt', content: 'grüße\n' } },
        ],
        { chunkDelayMs: 1 },
      ),
      call(
        'Edit',
        { file_path: '/workspace/note.txt', old_string: 'grüße', new_string: 'grüße 🌍' },
        { chunkDelayMs: 1, chunkLength: 1 },
      ),
      say('Done.', { usage: { output_tokens: 1234 } }),
    );
    const { result } = await claude(scripted, 'Write a note', ['--dangerously-skip-permissions']);
    expect(result).toMatchObject({ is_error: false, result: 'Done.', num_turns: 3 });
    expect(result.usage!.output_tokens).toBeGreaterThan(1234);
    expect((await inside(['cat', '/workspace/note.txt'])).stdout).toBe('grüße 🌍\n');
  });

  it('records API keys and bearer tokens of a continued session', async () => {
    const scripted = model().replyNext(say('Hello.'), say('Again.'));
    const { result: first } = await claude(scripted, 'One');
    const bearer = { ANTHROPIC_API_KEY: '', ANTHROPIC_AUTH_TOKEN: 'a-token' };
    const { result: second } = await claude(scripted, 'Two', ['--resume', first.session_id!], bearer);
    expect(second).toMatchObject({ result: 'Again.', session_id: first.session_id });
    expect(scripted.turns.map(({ credential }) => credential)).toEqual([
      { kind: 'api-key', value: scripted.credential },
      { kind: 'bearer', value: 'a-token' },
    ]);
    expect(JSON.stringify(scripted.turns[1]!.body.messages)).toContain('Hello.');
  });

  it('selects the model by credential when containers share one address', async () => {
    const [one, two] = [model().replyNext(say('I am one.')), model().replyNext(say('I am two.'))];
    const shared = { ANTHROPIC_BASE_URL: api.url };
    const [first, second] = await Promise.all([claude(one, 'Who?', [], shared), claude(two, 'Who?', [], shared)]);
    expect([first.result.result, second.result.result]).toEqual(['I am one.', 'I am two.']);
  });

  it('returns permanent and transient errors, the latter of which Claude Code retries', async () => {
    // By default Claude Code retries ten times, which takes minutes.
    const refused = await claude(model().replyByDefault(unauthorized()), 'Hello', [], { CLAUDE_CODE_MAX_RETRIES: '1' });
    expect(refused.result).toMatchObject({ is_error: true, api_error_status: 401 });
    const scripted = model().replyNext(rateLimited(1), overloaded(), say('At last.'));
    const { result } = await claude(scripted, 'Hello');
    expect(result).toMatchObject({ is_error: false, result: 'At last.' });
    expect(scripted.turns).toHaveLength(3);
    expect(scripted.turns[1]!.at.getTime() - scripted.turns[0]!.at.getTime()).toBeGreaterThanOrEqual(1_000);
  }, 60_000);

  it('fails a turn without a scripted reply', async () => {
    const { result } = await claude(model(), 'Hello');
    expect(result).toMatchObject({
      is_error: true,
      api_error_status: 400,
      result: expect.stringContaining('Nothing is scripted'),
    });
  });

  it.each(['before', 'during'] as const)(
    'closes the connection %s the stream, and Claude Code retries',
    async (at) => {
      const scripted = model().replyNext(
        say('Half of this is lost.', { chunkDelayMs: 1, interrupted: { at, by: 'cut' } }),
        say('Whole.'),
      );
      expect((await claude(scripted, 'Hello')).result).toMatchObject({
        is_error: false,
        result: expect.stringContaining('Whole.'),
      });
      expect(scripted.turns).toHaveLength(2);
    },
    60_000,
  );

  it.each(['before', 'during', 'after'] as const)(
    'hangs %s the stream until released, and detects a client that disconnects',
    async (at) => {
      const opened = Promise.withResolvers<void>();
      const scripted = model().replyNext(
        say('Slowly said.', { chunkDelayMs: 1, interrupted: { at, by: opened.promise } }),
      );
      const running = claude(scripted, 'Hello');
      await scripted.waitForTurn(1);
      // Claude Code waits for the end of the connection, also after `message_stop`.
      await expect(Promise.race([running.then(() => 'ended'), sleep(1_000, 'hangs')])).resolves.toBe('hangs');
      opened.resolve();
      expect((await running).result).toMatchObject({ is_error: false, result: 'Slowly said.' });

      const endless = model().replyNext(say('Never said.', { chunkDelayMs: 1, interrupted: { at, by: 'hang' } }));
      const killed = inside(['sh', '-c', 'echo $$ > /tmp/endless && exec claude -p Hello'], endless.env);
      const turn = await endless.waitForTurn(1);
      await inside(['sh', '-c', 'kill -KILL $(cat /tmp/endless)']);
      await expect(turn.clientAborted).resolves.toBe(true);
      await killed;
    },
    60_000,
  );

  it('answers side requests in the requested format without using scripted replies', async () => {
    const scripted = model().replyNext(say('Scripted.'));
    const ask = async (body: object): Promise<{ content: { text?: string; input?: unknown }[] }> => {
      const response = await fetch(`${scripted.url.replace(new URL(scripted.url).hostname, '127.0.0.1')}/v1/messages`, {
        method: 'POST',
        body: JSON.stringify({
          model: 'small',
          max_tokens: 9,
          messages: [{ role: 'user', content: 'A title?' }],
          ...body,
        }),
      });
      return response.json() as Promise<{ content: { text?: string; input?: unknown }[] }>;
    };
    const schema = {
      type: 'object',
      required: ['title', 'kind'],
      properties: { title: { type: 'string' }, kind: { enum: ['a', 'b'] }, extra: { type: 'number' } },
    };
    const asJson = await ask({ output_config: { format: { type: 'json_schema', schema } } });
    expect(JSON.parse(asJson.content[0]!.text!)).toEqual({ title: 'ok', kind: 'a' });
    const asTool = await ask({
      tools: [{ name: 'titled', input_schema: schema }],
      tool_choice: { type: 'tool', name: 'titled' },
    });
    expect(asTool.content[0]!.input).toEqual({ title: 'ok', kind: 'a' });
    expect((await claude(scripted, 'Hello')).result.result).toBe('Scripted.');
    expect(scripted.requests.map(({ purpose }) => purpose)).toEqual(['side', 'side', 'turn']);
  });
});
