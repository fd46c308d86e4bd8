/** A login to Claude Code by hand, in a terminal of a container, stays. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { type MessagesApi, startMessagesApi } from '../support/messages-api/messages-api.js';
import { say } from '../support/messages-api/replies.js';

const TOKEN = 'sk-ant-oat01-of-a-login-by-hand';
const YEAR_MS = 365 * 24 * 60 * 60_000;
/** What Claude Code 2.1 writes at the end of `/login`. */
const LOGIN = JSON.stringify({
  claudeAiOauth: {
    accessToken: TOKEN,
    refreshToken: 'sk-ant-ort01-of-a-login-by-hand',
    expiresAt: Date.now() + YEAR_MS,
    scopes: ['user:inference', 'user:profile'],
    subscriptionType: 'max',
  },
});

describe('a login by hand', () => {
  let server: TestServer;
  let messages: MessagesApi;

  beforeAll(async () => {
    messages = await startMessagesApi();
    server = await startTestServer();
    await ensureImages(server, 'claude');
  }, IMAGE_BUILD_MS);
  afterAll(async () => {
    await server?.dispose();
    await messages?.close();
  }, 60_000);

  it('survives a new container of the engine and a rebuild', async () => {
    const model = messages.model('login').replyByDefault(say('Logged in.'));
    const body = { name: uniqueName(), template: 'claude', memoryLimit: 1024, env: { ANTHROPIC_BASE_URL: model.url } };
    let container: Container = ok(await server.api.create(body as never, { prefer: 'wait=60' }));
    const run = async (script: string): Promise<string> => {
      const result = await server.engine.exec(container.dockerId!, ['bash', '-lc', script], { user: '1000' });
      return result.stdout.trim() + result.stderr.trim();
    };
    const ask = (): Promise<string> => run('claude -p hello < /dev/null');
    expect(await ask()).not.toBe('Logged in.');
    await run(`umask 077 && echo '${LOGIN}' > "$CLAUDE_CONFIG_DIR/.credentials.json"`);
    expect(await ask()).toBe('Logged in.');

    await server.engine.docker.getContainer(container.dockerId!).remove({ force: true });
    await server.api.waitForStatus(container.id, 'missing');
    container = ok(await server.api.start(container.id));
    expect(await ask()).toBe('Logged in.');
    const path = `/api/containers/${container.id}/rebuild`;
    container = ok(await server.api.request<Container>('POST', path, { headers: { prefer: 'wait=60' } }));
    expect(await ask()).toBe('Logged in.');
    expect(new Set(model.turns.map(({ credential }) => credential?.value))).toEqual(new Set([TOKEN]));
  }, 180_000);
});
