import { describe, expect, it } from '@jest/globals';
import { TEST_GATEWAY as NAME_IN_TESTS } from '../../test/support/api/test-gateway.js';
import { removeTestGateway, TEST_GATEWAY } from './test-gateway.mjs';

const address = { kind: 'socket', path: '/run/engine.sock' };

async function callsWith(volumes: object[] | null): Promise<string[]> {
  const calls: string[] = [];
  await removeTestGateway(address, (_: unknown, { method = 'GET', path }: { method?: string; path: string }) => {
    calls.push(`${method} ${path}`);
    return Promise.resolve({ status: 200, text: JSON.stringify({ Volumes: volumes }) });
  });
  return calls;
}

describe('The gateway of the tests', () => {
  it('has one name in the scripts and in the tests', () => {
    expect(TEST_GATEWAY).toBe(NAME_IN_TESTS);
  });

  it('is removed with its volume and its network', async () => {
    const removals = [`containers/${TEST_GATEWAY}?force=1`, `volumes/${TEST_GATEWAY}`];
    const expected = [...removals, `networks/${TEST_GATEWAY}`].map((path) => `DELETE /${path}`);
    expect(await callsWith([{ Name: 'other', Options: null }])).toEqual(['GET /volumes', ...expected]);
    expect(await callsWith(null)).toHaveLength(4);
  });

  it('stays as long as a workspace uses it', async () => {
    const device = `/var/lib/docker/volumes/${TEST_GATEWAY}/_data/workspaces/1`;
    expect(await callsWith([{ Name: 'one', Options: { type: 'none', o: 'bind', device } }])).toEqual(['GET /volumes']);
  });
});
