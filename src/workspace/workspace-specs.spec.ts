import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CredentialsHarness } from '../../test/support/credentials/fake-credentials.js';
import { containerRow } from '../../test/support/rows.js';
import { OPEN_EGRESS } from '../drivers/workspace-egress.js';
import type { EgressPolicies } from '../egress/egress-policies.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { Settings } from '../config/settings.js';
import type { WorkspaceSpec } from '../drivers/workspace.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import { WorkspaceSpecs } from './workspace-specs.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const IMAGE = 'devforge/workspace-both:1';

describe('WorkspaceSpecs', () => {
  const row = containerRow({ id: ID, name: 'my-dev', cpuLimit: 2, memoryLimit: 512, diskLimit: 1_024, image: IMAGE });
  let harness: CredentialsHarness;
  beforeEach(() => void (harness = new CredentialsHarness()));
  let editorDomain: string | null = null;
  let gitIdentity: Settings['gitIdentity'] = {};
  afterEach(() => void (gitIdentity = {}));
  const specs = (agentEnv: Record<string, string>): WorkspaceSpecs =>
    new WorkspaceSpecs(
      harness.withoutGateway().agents(agentEnv),
      harness.credentials,
      harness.keys,
      { resolve: async () => OPEN_EGRESS } as unknown as EgressPolicies,
      { editorDomain, gitIdentity } as unknown as Settings,
    );
  const specOf = (of: ContainerRow, agentEnv: Record<string, string> = {}): Promise<WorkspaceSpec> =>
    specs(agentEnv).of(of);

  it('derives the spec from the row, and nothing else', async () => {
    await expect(specOf(row)).resolves.toEqual({
      id: ID,
      hostname: 'my-dev',
      image: IMAGE,
      env: {
        CLAUDE_CONFIG_DIR: '/var/lib/devforge/claude',
        DEVFORGE_CONTAINER_ID: ID,
        DEVFORGE_CONTAINER_NAME: 'my-dev',
      },
      limits: { cpus: 2, memoryMiB: 512, diskMiB: 1_024, pids: 512 },
      readGitKey: null,
      egress: { mode: 'open', allow: [] },
    });
  });

  it.each([null, 'localhost'])(
    'tells development servers nothing about hosts when the domain is %s',
    async (domain) => {
      editorDomain = domain;
      expect(Object.keys((await specOf(row)).env)).toEqual([
        'CLAUDE_CONFIG_DIR',
        'DEVFORGE_CONTAINER_ID',
        'DEVFORGE_CONTAINER_NAME',
      ]);
    },
  );

  it('tells development servers the domain of previews, unless the container says otherwise', async () => {
    editorDomain = 'dev.example.org';
    expect((await specOf({ ...row, env: { RAILS_DEVELOPMENT_HOSTS: 'own.example' } })).env).toMatchObject({
      __VITE_ADDITIONAL_SERVER_ALLOWED_HOSTS: '.dev.example.org',
      NG_ALLOWED_HOSTS: '*.dev.example.org',
      RAILS_DEVELOPMENT_HOSTS: 'own.example',
    });
    editorDomain = null;
  });

  it("names the author of commits: the container's, or else the server's", async () => {
    const identity = async (of: Partial<ContainerRow>): Promise<unknown> => {
      const { DEVFORGE_GIT_NAME: name, DEVFORGE_GIT_EMAIL: email } = (await specOf({ ...row, ...of })).env;
      return { name, email };
    };
    await expect(identity({})).resolves.toEqual({});
    await expect(identity({ gitName: 'Ada' })).resolves.toEqual({ name: 'Ada' });
    gitIdentity = { name: 'Team', email: 'team@example.org' };
    await expect(identity({})).resolves.toEqual({ name: 'Team', email: 'team@example.org' });
    await expect(identity({ gitName: 'Ada', gitEmail: 'ada@example.org' })).resolves.toEqual({
      name: 'Ada',
      email: 'ada@example.org',
    });
    await expect(identity({ gitName: 'Ada' })).resolves.toEqual({ name: 'Ada', email: 'team@example.org' });
  });

  it('fails while no image was chosen', async () => {
    await expect(specOf({ ...row, image: null })).rejects.toMatchObject({ code: 'image_unknown' });
  });

  it('gives access to the Git key, and never contains the key or its path', async () => {
    const spec = await specOf({ ...row, sshKeyPath: '/keys/id_ed25519' });
    expect(JSON.stringify(spec)).not.toContain('id_ed25519');
    await expect(spec.readGitKey?.()).resolves.toEqual(Buffer.from('the key'));
  });

  it('reads the Git key from a credential each time that it is needed, as a use', async () => {
    const { id } = harness.add({ kind: 'ssh_key' }, 'uploaded');
    const spec = await specOf({ ...row, credentials: [id] });
    expect(harness.repository.uses).toEqual([]);
    await expect(spec.readGitKey?.()).resolves.toEqual(Buffer.from('uploaded'));
    expect(harness.repository.uses).toMatchObject([{ credentialId: id, purpose: 'git', container: { id: ID } }]);
    harness.repository.rows.clear();
    await expect(spec.readGitKey?.()).rejects.toMatchObject({ name: 'JobFailure', code: 'credential_not_found' });
    await expect(specOf({ ...row, credentials: [id] })).resolves.toMatchObject({ readGitKey: null });
  });

  it('fails the job for good when the Git key is gone', async () => {
    harness.sshKey = new DomainError('ssh_key_not_usable', 'no such key');
    const spec = await specOf({ ...row, sshKeyPath: '/k' });
    await expect(spec.readGitKey?.()).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'ssh_key_not_usable',
      message: 'no such key',
      retryable: false,
    });
  });

  it("puts the container's own environment before the operator's, and DevForge's before both", async () => {
    const env = {
      ANTHROPIC_BASE_URL: 'http://own',
      FOO: 'own',
      DEVFORGE_CONTAINER_ID: 'forged',
    };
    const spec = await specOf(
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
      DEVFORGE_CONTAINER_NAME: 'my-dev',
    });
  });

  it('names the removed container whose files it has', async () => {
    await expect(specOf(row)).resolves.not.toHaveProperty('dataId');
    await expect(specOf({ ...row, dataId: 'other' })).resolves.toMatchObject({ id: ID, dataId: 'other' });
  });

  it('lets a container keep the settings of Claude Code elsewhere', async () => {
    const { env } = await specOf({ ...row, env: { CLAUDE_CONFIG_DIR: '/workspace/.claude' } });
    expect(env['CLAUDE_CONFIG_DIR']).toBe('/workspace/.claude');
  });

  it("keeps the operator's credential out of the container, and says that one will come", async () => {
    const operator = { ANTHROPIC_API_KEY: 'op', CLAUDE_CODE_OAUTH_TOKEN: 'op-t', ANTHROPIC_BASE_URL: 'u' };
    const env = async (of: Partial<ContainerRow>): Promise<object> => {
      const {
        CLAUDE_CONFIG_DIR: _,
        DEVFORGE_CONTAINER_ID: __,
        DEVFORGE_CONTAINER_NAME: ___,
        ...rest
      } = (await specOf({ ...row, ...of }, operator)).env;
      return rest;
    };
    const own = { CLAUDE_CODE_OAUTH_TOKEN: 'own' };
    await expect(env({})).resolves.toEqual({ ANTHROPIC_BASE_URL: 'u', DEVFORGE_AGENT_CREDENTIAL: 'ANTHROPIC_API_KEY' });
    await expect(env({ env: own })).resolves.toEqual({ ANTHROPIC_BASE_URL: 'u', ...own });
    await expect(env({ template: 'vscode' })).resolves.toEqual({});
  });
});
