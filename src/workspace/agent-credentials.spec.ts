import { describe, expect, it } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import type { Settings } from '../config/settings.js';
import { AgentCredentials } from './agent-credentials.js';

describe('AgentCredentials', () => {
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
  ])('gives Claude Code %s', (_what, own, agentEnv, expected) => {
    const credentials = new AgentCredentials({ agentEnv } as unknown as Settings);
    expect(credentials.of(containerRow({ template: 'claude', env: own }))).toEqual(expected);
    expect(credentials.of(containerRow({ template: 'both', env: own }))).toEqual(expected);
  });

  it('gives a container without Claude Code nothing', () => {
    const credentials = new AgentCredentials({ agentEnv: { ANTHROPIC_API_KEY: 'op' } } as unknown as Settings);
    expect(credentials.of(containerRow({ template: 'vscode' }))).toEqual({});
  });
});
