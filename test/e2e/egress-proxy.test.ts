/** The gateway behind the proxy of its operator's network: what goes through that, what does not, and what is refused as ever. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { NO_SECRETS } from '../../src/drivers/workspace-egress.js';
import type { WorkspaceRef } from '../../src/drivers/workspace.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { EgressRoom } from '../support/egress/egress-room.js';
import { Listeners } from '../support/egress/listeners.js';
import { dockerBridgeAddress } from '../support/git/addresses.js';
import { startMessagesApi, type MessagesApi } from '../support/messages-api/messages-api.js';
import { say } from '../support/messages-api/replies.js';

const AUTHORIZATION = `Basic ${Buffer.from('user:pass').toString('base64')}`;

/** A proxy for which every name stands for this machine. */
async function startProxy(): Promise<{ port: number; seen: string[]; close: () => void }> {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '');
    seen.push(`${request.method} ${request.url} ${request.headers['proxy-authorization']}`);
    const { host } = url;
    httpRequest({ host: '127.0.0.1', port: url.port, path: url.pathname, headers: { host } }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    }).end();
  });
  server.on('connect', (request, client: Socket) => {
    seen.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
    const port = Number(request.url?.split(':')[1]);
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.pipe(upstream).pipe(client);
    });
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => socket.destroy()));
  });
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
    server.closeAllConnections();
  };
  return { port: (server.address() as AddressInfo).port, seen, close };
}

describe('egress through an outer proxy', () => {
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let room: EgressRoom;
  let listeners: Listeners;
  let messages: MessagesApi;
  let ref: WorkspaceRef;

  const said = async (command: string): Promise<string> => {
    const { stdout, stderr } = await room.run(ref, command);
    return stdout + stderr;
  };

  beforeAll(async () => {
    const host = (await dockerBridgeAddress())!;
    [proxy, listeners, messages] = await Promise.all([startProxy(), Listeners.open(host), startMessagesApi()]);
    const url = `http://user:pass@${host}:${proxy.port}/`;
    room = await EgressRoom.open(['exempt.test'], { https: url, http: url, direct: ['direct.test', '10.0.0.0/8'] });
    const ports = [listeners.httpsPort, listeners.httpPort];
    const hosts = ['outside.test', 'exempt.test', 'sub.direct.test', 'private.test'];
    ref = await room.workspace({ mode: 'restricted', allow: hosts.map((each) => ({ host: each, ports })) });
    await room.setNames({ 'exempt.test': [host], 'private.test': [host] });
    room.watchDenials();
  }, IMAGE_BUILD_MS);
  afterEach(() => void (proxy.seen.length = 0));
  afterAll(async () => {
    await room?.close();
    proxy?.close();
    await Promise.all([listeners?.close(), messages?.close()]);
  });

  it('reaches a host that only the proxy can resolve, over TLS and over plain HTTP', async () => {
    const { httpsPort, httpPort } = listeners;
    expect(await said(`curl -sSk https://outside.test:${httpsPort}/`)).toBe('reached\n');
    expect(await said(`curl -sS http://outside.test:${httpPort}/path`)).toBe('reached\n');
    expect(proxy.seen).toEqual([
      `CONNECT outside.test:${httpsPort} ${AUTHORIZATION}`,
      `GET http://outside.test:${httpPort}/path ${AUTHORIZATION}`,
    ]);
    expect(listeners.seen.at(-1)?.headers).not.toHaveProperty('proxy-authorization');
  });

  it('does not ask the proxy for what no rule names, for private addresses, and for what is near', async () => {
    const { httpsPort } = listeners;
    expect(await said(`curl -sSk https://strange.test:${httpsPort}/`)).toContain('403');
    expect(await said(`curl -sSk https://private.test:${httpsPort}/`)).toContain('403');
    await expect(room.denial(ref, 'private.test', httpsPort)).resolves.toMatchObject({ reason: 'private_address' });
    expect(await said(`curl -sSk https://exempt.test:${httpsPort}/`)).toBe('reached\n');
    // It is in NO_PROXY, and resolves nowhere.
    expect(await said(`curl -sSk https://sub.direct.test:${httpsPort}/`)).toContain('502');
    expect(proxy.seen).toEqual([]);
  });

  it('sends secrets through it with TLS to the very host, and to nobody who pretends to be that', async () => {
    const model = messages.model('egress-proxy').replyByDefault(say('Through the proxy.'));
    const { port, pathname } = new URL(model.url);
    await room.driver.setSecrets(ref.id, {
      ...NO_SECRETS,
      modelApi: { baseUrl: `http://model.test:${port}${pathname}`, header: 'x-api-key', value: model.credential },
      http: [{ host: `outside.test:${listeners.httpsPort}`, header: 'authorization', value: 'Bearer canary' }],
    });
    listeners.seen.length = 0;
    const gateway = 'http://127.0.0.1:3128';
    const pretended = await said(`curl -sS --noproxy '*' ${gateway}/http/outside.test:${listeners.httpsPort}/`);
    expect(pretended).toContain('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(listeners.seen).toEqual([]);
    const body = JSON.stringify({ model: 'claude-x', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] });
    await said(`curl -sS --noproxy '*' -H 'content-type: application/json' -d '${body}' ${gateway}/model/v1/messages`);
    expect(model.requests[0]?.credential).toEqual({ kind: 'api-key', value: model.credential });
    expect(proxy.seen).toEqual([
      `CONNECT outside.test:${listeners.httpsPort} ${AUTHORIZATION}`,
      `CONNECT model.test:${port} ${AUTHORIZATION}`,
    ]);
  });
});
