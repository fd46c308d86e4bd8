import { beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { MODEL_API_URL } from '../drivers/workspace-egress.js';
import { containerRow } from '../../test/support/rows.js';

describe('AgentCredentials', () => {
  let harness: CredentialsHarness;
  beforeEach(() => void (harness = new CredentialsHarness()));

  it.each([
    ['anthropic_api_key', 'ANTHROPIC_API_KEY'],
    ['claude_oauth_token', 'CLAUDE_CODE_OAUTH_TOKEN'],
  ] as const)("gives Claude Code the container's %s before the operator's credential", async (kind, name) => {
    const { id } = harness.add({ kind }, 'own');
    const container = containerRow({ credentials: [id] });
    const credentials = harness.withoutGateway().agents({ ANTHROPIC_API_KEY: 'op' });
    await expect(credentials.publicEnv(container)).resolves.toEqual({ DEVFORGE_AGENT_CREDENTIAL: name });
    expect(harness.repository.uses).toEqual([]);
    await expect(credentials.of(container)).resolves.toEqual({ [name]: 'own' });
    expect(harness.repository.uses).toMatchObject([{ credentialId: id, purpose: 'model' }]);
    harness.repository.rows.clear();
    await expect(credentials.of(container)).resolves.toEqual({ ANTHROPIC_API_KEY: 'op' });
  });

  it.each<[string, Record<string, string>, Record<string, string>, Record<string, string>]>([
    ["the operator's only credential", {}, { ANTHROPIC_API_KEY: 'op' }, { ANTHROPIC_API_KEY: 'op' }],
    ['one of two', {}, { CLAUDE_CODE_OAUTH_TOKEN: 'op-t', ANTHROPIC_API_KEY: 'op' }, { ANTHROPIC_API_KEY: 'op' }],
    ['a token when there is no key', {}, { CLAUDE_CODE_OAUTH_TOKEN: 'op-t' }, { CLAUDE_CODE_OAUTH_TOKEN: 'op-t' }],
    ['none when the container has the same one', { ANTHROPIC_API_KEY: 'own' }, { ANTHROPIC_API_KEY: 'op' }, {}],
    ['none when the container has another one', { CLAUDE_CODE_OAUTH_TOKEN: 'own' }, { ANTHROPIC_API_KEY: 'op' }, {}],
    [
      'none when the container has a token of a gateway',
      { ANTHROPIC_AUTH_TOKEN: 'own' },
      { ANTHROPIC_API_KEY: 'op' },
      {},
    ],
    ['none when the container empties it', { ANTHROPIC_API_KEY: '' }, { ANTHROPIC_API_KEY: 'op' }, {}],
    ['no endpoint', {}, { ANTHROPIC_BASE_URL: 'u' }, {}],
    ['nothing where there is nothing', {}, {}, {}],
  ])('gives Claude Code %s', async (_what, own, agentEnv, expected) => {
    const credentials = harness.withoutGateway().agents(agentEnv);
    await expect(credentials.of(containerRow({ template: 'claude', env: own }))).resolves.toEqual(expected);
    await expect(credentials.of(containerRow({ template: 'both', env: own }))).resolves.toEqual(expected);
  });

  it('gives a container without Claude Code nothing', async () => {
    const credentials = harness.withoutGateway().agents({ ANTHROPIC_API_KEY: 'op' });
    await expect(credentials.of(containerRow({ template: 'vscode' }))).resolves.toEqual({});
  });

  describe('where the engine has a gateway', () => {
    const operator = { ANTHROPIC_API_KEY: 'op', ANTHROPIC_BASE_URL: 'https://model.example/v1' };
    const inGateway = (id: string) => harness.driver.require(id).secrets.modelApi;

    it.each([
      ['anthropic_api_key', 'ANTHROPIC_API_KEY', { header: 'x-api-key', value: 'own' }],
      ['claude_oauth_token', 'CLAUDE_CODE_OAUTH_TOKEN', { header: 'authorization', value: 'Bearer own' }],
    ] as const)('gives the gateway the %s, and Claude Code a placeholder', async (kind, name, header) => {
      const { id: credential } = harness.add({ kind }, 'own');
      const container = containerRow({ credentials: [credential] });
      harness.driver.run({ id: container.id });
      const agents = harness.agents(operator);
      await expect(agents.publicEnv(container)).resolves.toEqual({
        ANTHROPIC_BASE_URL: MODEL_API_URL,
        DEVFORGE_AGENT_CREDENTIAL: name,
      });
      const given = await agents.of(container);
      expect(Object.keys(given)).toEqual([name, 'ANTHROPIC_BASE_URL']);
      expect(JSON.stringify(given)).not.toContain('own');
      expect(given['ANTHROPIC_BASE_URL']).toBe(MODEL_API_URL);
      expect(inGateway(container.id)).toEqual({ baseUrl: 'https://model.example/v1', ...header });
      expect(harness.repository.uses).toHaveLength(1);
    });

    it("gives the gateway the operator's credential for a container without one, and for Claude Code's own API", async () => {
      const container = containerRow();
      harness.driver.run({ id: container.id });
      await harness.agents({ CLAUDE_CODE_OAUTH_TOKEN: 'op-t' }).of(container);
      expect(inGateway(container.id)).toEqual({
        baseUrl: 'https://api.anthropic.com',
        header: 'authorization',
        value: 'Bearer op-t',
      });
    });

    it('gives the credential itself to a workspace without a way to the gateway, and to one with an API of its own', async () => {
      const [old, own] = [containerRow(), containerRow({ env: { ANTHROPIC_BASE_URL: 'https://own.example' } })];
      for (const { id } of [old, own]) harness.driver.run({ id });
      harness.driver.require(old.id).outdated = true;
      for (const container of [old, own])
        await expect(harness.agents(operator).of(container)).resolves.toEqual({ ANTHROPIC_API_KEY: 'op' });
      await harness.publisher(operator).publish(own);
      expect(inGateway(own.id)).toBeNull();
    });
  });
});
