/** A replica that is killed as soon as it has written that a key is revoked. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiClient, ok } from '../support/api/client.js';
import { IMAGE_BUILD_MS } from '../support/e2e/images.js';
import { until } from '../support/e2e/until.js';
import { startTwoReplicas, type TwoReplicas } from '../support/replicas/two-replicas.js';
import { SocketClient } from '../support/sockets/socket-client.js';

const WITHIN_MS = 5_000;

describe('a key whose revocation is written by a replica that dies', () => {
  let replicas: TwoReplicas;
  beforeAll(async () => {
    replicas = await startTwoReplicas('PostgreSQL');
  }, IMAGE_BUILD_MS);
  afterAll(() => replicas?.dispose(), 60_000);

  it('is refused by the other replica within five seconds, and by the one that died when it is back', async () => {
    const { a, b, postgres } = replicas;
    const body = { name: 'lost', role: 'member' };
    const { id, key } = ok(await a.api.request<{ id: string; key: string }>('POST', '/api/api-keys', { body }));
    // Both know the key by now.
    const clients = [a, b].map(({ devforge }) => new ApiClient(devforge.url, key));
    for (const client of clients) expect((await client.list()).status).toBe(200);
    const socket = await SocketClient.connect(b.devforge.url, { token: key });
    const closed = new Promise((resolve) => socket.socket.once('disconnect', resolve));
    // It is killed before it takes much notice of what it wrote.
    const answer = a.api.request('DELETE', `/api/api-keys/${id}`).catch(() => undefined);
    const rows = async () => (await postgres.pool.query('select from api_keys where id = $1', [id])).rows;
    while ((await rows()).length > 0);
    const at = Date.now();
    await a.devforge.kill('SIGKILL');
    await answer;
    await until('the other replica to refuse it', async () => (await clients[1]!.list()).status === 401, WITHIN_MS);
    await closed;
    expect(Date.now() - at).toBeLessThan(WITHIN_MS);
    await a.devforge.restart();
    expect((await clients[0]!.list()).status).toBe(401);
    expect((await a.api.list()).status).toBe(200);
  }, 120_000);
});
