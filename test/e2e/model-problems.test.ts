/** What is shown of a model's API that refuses a container: in the container, to subscribers and in health, without the key. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok } from '../support/api/client.js';
import type { Container, ModelProblem } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { until } from '../support/e2e/until.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { failure, say } from '../support/messages-api/replies.js';
import type { ScriptedModel } from '../support/messages-api/scripted-model.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const CANARY = 'canary-7c0f9f3c-of-the-key';
const BODY =
  '{"model":"claude-opus-5-5","max_tokens":9,"messages":[{"role":"user","content":"Hello"}],"tools":[{"name":"t","input_schema":{}}]}';

interface Health {
  status: string;
  details: Record<string, { status: string; message?: string }>;
}

describe('the API of the model refuses a container', () => {
  let server: TestServer;
  let messages: MessagesApi;
  let model: ScriptedModel;
  let container: Container;
  let socket: SocketClient;

  const ask = async (): Promise<string> => {
    const script = `curl -sS -o /dev/null -w '%{http_code}' -H 'content-type: application/json' -d '${BODY}' "$ANTHROPIC_BASE_URL/v1/messages"`;
    const path = `/api/containers/${container.id}/exec`;
    const answer = await server.api.request<{ stdout: string }>('POST', path, {
      body: { command: ['bash', '-c', script] },
    });
    return ok(answer).stdout;
  };
  const problemOf = async (): Promise<ModelProblem | null | undefined> =>
    ok(await server.api.request<Container>('GET', `/api/containers/${container.id}`)).agent?.modelProblem;
  const probe = async (path: string) => new ApiClient(server.devforge.url, null).request<Health>('GET', path);

  beforeAll(async () => {
    messages = await startMessagesApi();
    model = messages.model('refusing');
    const privateHost = (await dockerBridgeAddress())!;
    server = await startTestServer({
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: CANARY,
      EGRESS_PRIVATE_HOSTS: privateHost,
    });
    await ensureImages(server, 'claude');
    container = ok(
      await server.api.create(
        { name: uniqueName(), template: 'claude', egress: 'none', memoryLimit: 512 },
        { prefer: 'wait=60' },
      ),
    );
    socket = await SocketClient.connect(server.devforge.url, { token: server.devforge.token });
    await socket.ask('subscribe:status', { containerId: container.id });
    await until('the agent to be known', async () => (await problemOf()) === null);
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    socket?.close();
    await server?.dispose();
    await messages?.close();
  }, 60_000);

  it.each([
    [401, 'authentication_error', 'credential_refused', 'refuses the credential'],
    [429, 'rate_limit_error', 'rate_limited', 'limits the rate'],
    [529, 'overloaded_error', 'overloaded', 'is overloaded'],
  ])('with %i, which is shown until it answers', async (status, type, reason, text) => {
    model.replyNext(failure(status, type, `No, ${CANARY}.`));
    await expect(ask()).resolves.toBe(String(status));
    const shown = await until(`the problem ${reason}`, async () => (await problemOf()) ?? undefined);
    expect(shown).toEqual({ reason, status, at: expect.stringMatching(/Z$/) });
    await until('subscribers to be told', async () =>
      socket.all('status:update').some(({ agent }) => agent?.modelProblem?.reason === reason),
    );
    const health = await probe('/health');
    expect([health.status, health.body.status, health.body.details['modelApi']]).toEqual([
      200,
      'degraded',
      { status: 'degraded', message: `the API of the model ${text} (1 container)` },
    ]);
    const ready = await probe('/health/ready');
    expect([ready.status, ready.body.status]).toEqual([200, 'ok']);
    for (const said of [shown, health.body, ready.body, socket.all('status:update')])
      expect(JSON.stringify(said)).not.toContain(CANARY);
    expect(model.requests.at(-1)?.credential?.value).toBe(CANARY);

    model.replyNext(say('Hello.'));
    await expect(ask()).resolves.toBe('200');
    await until('the end of the problem', async () => (await problemOf()) === null);
    expect((await probe('/health')).body).toMatchObject({ status: 'ok', details: { modelApi: { status: 'up' } } });
  });
});
