import { afterEach, describe, expect, it } from '@jest/globals';
import { containerRow } from '../../test/support/rows.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { Settings } from '../config/settings.js';
import type { WorkspaceSpec } from '../drivers/workspace.js';
import type { SshKeys } from '../git-keys/ssh-keys.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { AgentCredentials } from './agent-credentials.js';
import { WorkspaceSpecs } from './workspace-specs.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const IMAGE = 'devforge/workspace-both:1';
const KEY = Buffer.from('the key');

describe('WorkspaceSpecs', () => {
  const row = containerRow({ id: ID, name: 'my-dev', cpuLimit: 2, memoryLimit: 512, diskLimit: 1_024, image: IMAGE });
  let editorDomain: string | null = null;
  let gitIdentity: Settings['gitIdentity'] = {};
  afterEach(() => void (gitIdentity = {}));
  const specs = (agentEnv: Record<string, string>, read: SshKeys['read'] = async () => KEY): WorkspaceSpecs =>
    new WorkspaceSpecs(
      new AgentCredentials({ agentEnv } as unknown as Settings),
      { read } as unknown as SshKeys,
      { editorDomain, gitIdentity } as unknown as Settings,
    );
  const specOf = (of: ContainerRow, agentEnv: Record<string, string> = {}): WorkspaceSpec => specs(agentEnv).of(of);

  it('derives the spec from the row, and nothing else', () => {
    expect(specOf(row)).toEqual({
      id: ID,
      hostname: 'my-dev',
      image: IMAGE,
      env: { CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude', DEVFORGE_CONTAINER_ID: ID },
      limits: { cpus: 2, memoryMiB: 512, diskMiB: 1_024, pids: 512 },
      readGitKey: null,
    });
  });

  it.each([null, 'localhost'])('tells development servers nothing about hosts when the domain is %s', (domain) => {
    editorDomain = domain;
    expect(Object.keys(specOf(row).env)).toEqual(['CLAUDE_CONFIG_DIR', 'DEVFORGE_CONTAINER_ID']);
  });

  it('tells development servers the domain of previews, unless the container says otherwise', () => {
    editorDomain = 'dev.example.org';
    expect(specOf({ ...row, env: { RAILS_DEVELOPMENT_HOSTS: 'own.example' } }).env).toMatchObject({
      __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS: '.dev.example.org',
      NG_ALLOWED_HOSTS: '*.dev.example.org',
      RAILS_DEVELOPMENT_HOSTS: 'own.example',
    });
    editorDomain = null;
  });

  it("names the author of commits: the container's, or else the server's", () => {
    const identity = (of: Partial<ContainerRow>): unknown => {
      const { DEVFORGE_GIT_NAME: name, DEVFORGE_GIT_EMAIL: email } = specOf({ ...row, ...of }).env;
      return { name, email };
    };
    expect(identity({})).toEqual({});
    expect(identity({ gitName: 'Ada' })).toEqual({ name: 'Ada' });
    gitIdentity = { name: 'Team', email: 'team@example.org' };
    expect(identity({})).toEqual({ name: 'Team', email: 'team@example.org' });
    expect(identity({ gitName: 'Ada', gitEmail: 'ada@example.org' })).toEqual({
      name: 'Ada',
      email: 'ada@example.org',
    });
    expect(identity({ gitName: 'Ada' })).toEqual({ name: 'Ada', email: 'team@example.org' });
  });

  it('fails while no image was chosen', () => {
    expect(() => specOf({ ...row, image: null })).toThrow(expect.objectContaining({ code: 'image_unknown' }));
  });

  it('gives access to the Git key, and never contains the key or its path', async () => {
    const spec = specOf({ ...row, sshKeyPath: '/keys/id_ed25519' });
    expect(JSON.stringify(spec)).not.toContain('id_ed25519');
    await expect(spec.readGitKey?.()).resolves.toBe(KEY);
  });

  it('fails the job for good when the Git key is gone', async () => {
    const keys = specs({}, async () => {
      throw new DomainError('ssh_key_not_usable', 'no such key');
    });
    await expect(keys.of({ ...row, sshKeyPath: '/k' }).readGitKey?.()).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'ssh_key_not_usable',
      message: 'no such key',
      retryable: false,
    });
  });

  it("puts the container's own environment before the operator's, and DevForge's before both", () => {
    const env = {
      ANTHROPIC_BASE_URL: 'http://own',
      FOO: 'own',
      DEVFORGE_CONTAINER_ID: 'forged',
    };
    const spec = specOf(
      { ...row, env },
      {
        ANTHROPIC_BASE_URL: 'http://operator',
      },
    );
    expect(spec.env).toEqual({
      ANTHROPIC_BASE_URL: 'http://own',
      FOO: 'own',
      CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude',
      DEVFORGE_CONTAINER_ID: ID,
    });
  });

  it('names the removed container whose files it has', () => {
    expect(specOf(row)).not.toHaveProperty('dataId');
    expect(specOf({ ...row, dataId: 'other' })).toMatchObject({ id: ID, dataId: 'other' });
  });

  it('lets a container keep the settings of Claude Code elsewhere', () => {
    expect(specOf({ ...row, env: { CLAUDE_CONFIG_DIR: '/workspace/.claude' } }, {}).env['CLAUDE_CONFIG_DIR']).toBe(
      '/workspace/.claude',
    );
  });

  it("keeps the operator's credential out of the container, and says that one will come", () => {
    const operator = { ANTHROPIC_API_KEY: 'op', CLAUDE_CODE_OAUTH_TOKEN: 'op-t', ANTHROPIC_BASE_URL: 'u' };
    const env = (of: Partial<ContainerRow>): object => {
      const { CLAUDE_CONFIG_DIR: _, DEVFORGE_CONTAINER_ID: __, ...rest } = specOf({ ...row, ...of }, operator).env;
      return rest;
    };
    const own = { CLAUDE_CODE_OAUTH_TOKEN: 'own' };
    expect(env({})).toEqual({ ANTHROPIC_BASE_URL: 'u', DEVFORGE_AGENT_CREDENTIAL: 'ANTHROPIC_API_KEY' });
    expect(env({ env: own })).toEqual({ ANTHROPIC_BASE_URL: 'u', ...own });
    expect(env({ template: 'vscode' })).toEqual({});
  });
});
