import { describe, expect, it } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import { labelsOf, namesOf } from './container-names.js';
import { gitAgentSpec, workspaceSpec } from './workspace-spec.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const ENGINE = { version: '20.10.24', cpus: 4 };
const IMAGE = 'devforge/workspace-both:1';

describe('names and labels', () => {
  it('derive from the id alone', () => {
    expect(namesOf(ID)).toEqual({
      workspace: `devforge-${ID}`,
      gitAgent: `devforge-${ID}-git-agent`,
      workspaceVolume: `devforge-${ID}-workspace`,
      stateVolume: `devforge-${ID}-state`,
      gitAgentVolume: `devforge-${ID}-git-agent`,
    });
    expect(labelsOf(ID, 'workspace')).toEqual({
      'devforge.managed': 'true',
      'devforge.id': ID,
      'devforge.role': 'workspace',
    });
    expect(labelsOf(ID, 'git-agent')).toEqual({
      'devforge.managed': 'true',
      'devforge.id': ID,
      'devforge.role': 'git-agent',
    });
  });
});

describe('workspaceSpec', () => {
  const row = containerRow({ id: ID, name: 'my-dev', cpuLimit: 2, memoryLimit: 512 });
  const labels = labelsOf(ID, 'workspace');

  it('asks for what the row says, and for nothing else', () => {
    expect(workspaceSpec(row, IMAGE, ENGINE, {})).toEqual({
      name: `devforge-${ID}`,
      hostname: 'my-dev',
      image: IMAGE,
      labels,
      env: { CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude', DEVFORGE_CONTAINER_ID: ID },
      mounts: [
        { volume: `devforge-${ID}-workspace`, target: '/workspace', labels },
        { volume: `devforge-${ID}-state`, target: '/var/lib/devforge', labels },
      ],
      network: 'devforge',
      cpuLimit: 2,
      memoryLimit: 512,
      pidsLimit: 512,
    });
  });

  it('asks for no more cores than the engine has', () => {
    expect(workspaceSpec({ ...row, cpuLimit: 16 }, IMAGE, ENGINE, {}).cpuLimit).toBe(4);
    expect(workspaceSpec({ ...row, cpuLimit: 0.5 }, IMAGE, ENGINE, {}).cpuLimit).toBe(0.5);
  });

  it('lends the agent of a Git key read-only, and never the key or its path', () => {
    const spec = workspaceSpec({ ...row, sshKeyPath: '/keys/id_ed25519' }, IMAGE, ENGINE, {});
    expect(spec.env['SSH_AUTH_SOCK']).toBe('/run/devforge/git-agent/agent.sock');
    expect(spec.mounts[2]).toEqual({
      volume: `devforge-${ID}-git-agent`,
      target: '/run/devforge/git-agent',
      readOnly: true,
      labels,
    });
    expect(JSON.stringify(spec)).not.toContain('id_ed25519');
  });

  it("puts the container's own environment before the operator's, and DevForge's before both", () => {
    const env = {
      ANTHROPIC_BASE_URL: 'http://own',
      FOO: 'own',
      DEVFORGE_CONTAINER_ID: 'forged',
      SSH_AUTH_SOCK: 'forged',
    };
    const spec = workspaceSpec({ ...row, env, sshKeyPath: '/k' }, IMAGE, ENGINE, {
      ANTHROPIC_BASE_URL: 'http://operator',
    });
    expect(spec.env).toEqual({
      ANTHROPIC_BASE_URL: 'http://own',
      FOO: 'own',
      CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude',
      DEVFORGE_CONTAINER_ID: ID,
      SSH_AUTH_SOCK: '/run/devforge/git-agent/agent.sock',
    });
  });

  it('lets a container keep the settings of Claude Code elsewhere', () => {
    expect(
      workspaceSpec({ ...row, env: { CLAUDE_CONFIG_DIR: '/workspace/.claude' } }, IMAGE, ENGINE, {}).env[
        'CLAUDE_CONFIG_DIR'
      ],
    ).toBe('/workspace/.claude');
  });

  it.each([
    ["the operator's only credential", {}, { ANTHROPIC_API_KEY: 'op' }, { ANTHROPIC_API_KEY: 'op' }],
    [
      'one of two, and the endpoint',
      {},
      { CLAUDE_CODE_OAUTH_TOKEN: 'op-t', ANTHROPIC_API_KEY: 'op', ANTHROPIC_BASE_URL: 'u' },
      { ANTHROPIC_API_KEY: 'op', ANTHROPIC_BASE_URL: 'u' },
    ],
    [
      "none of the operator's when the container has the same one",
      { ANTHROPIC_API_KEY: 'own' },
      { ANTHROPIC_API_KEY: 'op' },
      { ANTHROPIC_API_KEY: 'own' },
    ],
    [
      "none of the operator's when the container has another one",
      { CLAUDE_CODE_OAUTH_TOKEN: 'own' },
      { ANTHROPIC_API_KEY: 'op', ANTHROPIC_BASE_URL: 'u' },
      { CLAUDE_CODE_OAUTH_TOKEN: 'own', ANTHROPIC_BASE_URL: 'u' },
    ],
    [
      "none of the operator's when the container has a token of a gateway",
      { ANTHROPIC_AUTH_TOKEN: 'own' },
      { ANTHROPIC_API_KEY: 'op' },
      { ANTHROPIC_AUTH_TOKEN: 'own' },
    ],
    [
      'none at all when the container empties it',
      { ANTHROPIC_API_KEY: '' },
      { ANTHROPIC_API_KEY: 'op', CLAUDE_CODE_OAUTH_TOKEN: 'op-t' },
      { ANTHROPIC_API_KEY: '' },
    ],
    ['nothing where there is nothing', {}, {}, {}],
  ])('gives the agent %s', (_what, own, operator, expected) => {
    const {
      CLAUDE_CONFIG_DIR: _,
      DEVFORGE_CONTAINER_ID: __,
      ...env
    } = workspaceSpec({ ...row, env: own }, IMAGE, ENGINE, operator).env;
    expect(env).toEqual(expected);
  });
});

describe('gitAgentSpec', () => {
  it('is a small container without a network, that knows the socket and nothing of the workspace', () => {
    const row = containerRow({ id: ID, sshKeyPath: '/keys/id_ed25519', env: { SECRET: 'x' } });
    expect(gitAgentSpec(row, IMAGE)).toEqual({
      name: `devforge-${ID}-git-agent`,
      hostname: 'git-agent',
      image: IMAGE,
      labels: labelsOf(ID, 'git-agent'),
      env: { SSH_AUTH_SOCK: '/run/devforge/git-agent/agent.sock' },
      mounts: [
        { volume: `devforge-${ID}-git-agent`, target: '/run/devforge/git-agent', labels: labelsOf(ID, 'workspace') },
      ],
      network: 'none',
      entrypoint: ['/bin/sh', '-c', 'rm -f "$SSH_AUTH_SOCK"; exec ssh-agent -D -a "$SSH_AUTH_SOCK"'],
      cpuLimit: 0.5,
      memoryLimit: 64,
      pidsLimit: 16,
    });
  });
});
