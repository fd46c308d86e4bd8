/** What is recorded of what callers do inside of a container. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { type AuditEvent, auditOf, identified } from '../support/api/audit.js';
import { ApiClient, type ApiRequest, ok } from '../support/api/client.js';
import type { Container } from '../support/api/types.js';
import { BrowserClient } from '../support/editor/browser-client.js';
import { ensureImages, IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { uniqueName } from '../support/e2e/names.js';
import { startTestServer, type TestServer } from '../support/e2e/server.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const CANARY = 'canary-0815-4711';
const TAR = { 'content-type': 'application/x-tar' };
const EMPTY_TAR = new Uint8Array(1_024);

describe('the audit of a workspace', () => {
  let server: TestServer;
  let container: Container;
  let key: { id: string; key: string };
  let member: ApiClient;
  let about: object;

  beforeAll(async () => {
    server = await startTestServer();
    await ensureImages(server, 'vscode');
    container = ok(await server.api.create({ name: uniqueName('audit'), template: 'vscode' }, { prefer: 'wait=120' }));
    key = ok(
      await server.api.request('POST', '/api/api-keys', { body: { name: 'ci', projectId: container.projectId } }),
    );
    member = new ApiClient(server.devforge.url, key.key);
    about = {
      actor: { kind: 'service', id: `key:${key.id}`, name: 'ci' },
      credential: { kind: 'api_key', id: key.id },
      target: { kind: 'container', id: container.id, name: container.name },
      projectId: container.projectId,
      outcome: 'allowed',
    };
  }, IMAGE_BUILD_MS);
  afterAll(() => server?.dispose(), 60_000);

  const ofRequest = async (requestId: string): Promise<AuditEvent[]> =>
    (await auditOf(server.api)).filter((event) => event.requestId === requestId);
  const path = (rest: string): string => `/api/containers/${container.id}/${rest}`;
  const file = `/workspace/${randomUUID()}.txt`;

  it.each<[string, string, string, ApiRequest, object]>([
    [
      'a command',
      'POST',
      'exec',
      { body: { command: ['sh', '-c', `echo ${CANARY}`], env: { SECRET: CANARY }, stdin: CANARY } },
      { action: 'container.exec', details: null },
    ],
    [
      'a file that is written',
      'PUT',
      'files',
      { body: CANARY, query: { path: file } },
      { action: 'file.write', details: { path: file } },
    ],
    [
      'a file that is read',
      'GET',
      'files',
      { query: { path: file } },
      { action: 'file.read', details: { path: file } },
    ],
    [
      'a directory that is downloaded',
      'GET',
      'files',
      { query: { path: '/workspace' }, headers: { accept: TAR['content-type'] } },
      { action: 'file.archive', details: { path: '/workspace' } },
    ],
    [
      'an archive that is unpacked',
      'PUT',
      'files',
      { body: EMPTY_TAR, query: { path: '/workspace' }, headers: TAR },
      { action: 'file.unpack', details: { path: '/workspace' } },
    ],
    [
      'a file that is removed',
      'DELETE',
      'files',
      { query: { path: file } },
      { action: 'file.delete', details: { path: file } },
    ],
    ['a link to VS Code', 'POST', 'editor', {}, { action: 'editor.link', details: null }],
    ['a link to a port', 'POST', 'ports/4000/preview', {}, { action: 'preview.link', details: { port: 4_000 } }],
  ])('has one event of %s', async (_, method, rest, options, expected) => {
    const { requestId, answer } = await identified(member, method, path(rest), options);
    ok(answer);
    await expect(ofRequest(requestId)).resolves.toEqual([expect.objectContaining({ ...about, ...expected })]);
  });

  it('has no event of a listing, of a file that the client has already, or of HEAD', async () => {
    ok(await member.request('PUT', path('files'), { body: 'x', query: { path: file } }));
    const read = await member.request('GET', path('files'), { query: { path: file } });
    const etag = read.headers.get('etag')!;
    const none = [
      await identified(member, 'GET', path('files'), { query: { path: '/workspace' } }),
      await identified(member, 'GET', path('files'), {
        query: { path: file },
        headers: { 'if-none-match': etag, 'cache-control': 'max-age=0' },
      }),
      await identified(member, 'HEAD', path('files'), { query: { path: file } }),
    ];
    expect(none.map(({ answer }) => answer.status)).toEqual([200, 304, 200]);
    for (const { requestId } of none) await expect(ofRequest(requestId)).resolves.toEqual([]);
  });

  it('has one event of each time that a terminal is opened or closed, and none of what is typed', async () => {
    const socket = await SocketClient.connect(server.devforge.url, { token: key.key });
    const requestId = socket.socket.id!;
    const size = { containerId: container.id, cols: 80, rows: 24 };
    const opened = (await socket.ask('terminal:open', size)) as unknown as { ok: boolean; terminalId: string };
    const { terminalId } = opened;
    expect(opened.ok).toBe(true);
    await socket.ask('terminal:input', { terminalId, data: `echo ${CANARY}\n` });
    await socket.ask('terminal:open', { ...size, terminalId });
    await socket.ask('subscribe:status', { containerId: container.id });
    await socket.ask('terminal:close', { terminalId });
    const odd = { ...size, terminalId: 'a\0b\ud800' };
    expect(await socket.ask('terminal:open', odd)).toMatchObject({ error: { code: 'terminal_not_found' } });
    socket.close();
    const closed = await identified(member, 'DELETE', path(`terminals/${terminalId}`));
    const close = { ...about, action: 'terminal.close', details: { terminalId } };
    await expect(ofRequest(closed.requestId)).resolves.toEqual([expect.objectContaining(close)]);
    await expect(ofRequest(requestId)).resolves.toEqual([
      expect.objectContaining({ ...about, action: 'terminal.open', details: { terminalId: 'a\ufffdb\ufffd' } }),
      expect.objectContaining(close),
      expect.objectContaining({ ...about, action: 'terminal.open', details: { terminalId } }),
      expect.objectContaining({ ...about, action: 'terminal.open', details: null }),
    ]);
  });

  it('has one event when a link signs a browser in, with who asked for the link', async () => {
    const browser = new BrowserClient(server.devforge.url);
    const open = async (rest: string, action: string): Promise<AuditEvent[]> => {
      const { url } = ok(await member.request<{ url: string }>('POST', path(rest)));
      for (let times = 0; times < 2; times += 1) await browser.request(url);
      return auditOf(server.api, { action });
    };
    await expect(open('editor', 'editor.open')).resolves.toEqual([
      expect.objectContaining({ ...about, details: null, address: expect.stringContaining('127.0.0.1') }),
    ]);
    await expect(open('ports/4000/preview', 'preview.open')).resolves.toEqual([
      expect.objectContaining({ ...about, details: { port: 4_000 } }),
    ]);
  });

  it('has no content, command or variable', async () => {
    expect(JSON.stringify(await auditOf(server.api))).not.toContain(CANARY);
  });
});
