import { describe, expect, it } from '@jest/globals';
import { fakeSpec } from '../fake/fake-workspace.js';
import { gitAgentContainer, workspaceContainer } from './container-specs.js';
import { labelsOf, namesOf } from './names.js';

const ID = '123e4567-e89b-42d3-a456-426614174000';
const IMAGE = 'devforge/workspace-both:1';
const ENGINE = { cpus: 4, canFence: true, isolation: 'within-bridge' } as const;

describe('names and labels', () => {
  it('derive from the id alone', () => {
    expect(namesOf(ID)).toEqual({
      workspace: `devforge-${ID}`,
      homeCarrier: `devforge-${ID}-home`,
      snapshotCarrier: `devforge-${ID}-snapshot`,
      gitAgent: `devforge-${ID}-git-agent`,
      egressVolume: `devforge-${ID}-egress`,
      workspaceVolume: `devforge-${ID}-workspace`,
      stateVolume: `devforge-${ID}-state`,
      homeVolume: `devforge-${ID}-home`,
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

describe('workspaceContainer', () => {
  const limits = { cpus: 2, memoryMiB: 512, diskMiB: 1_024, pids: 512 };
  const spec = fakeSpec({ id: ID, hostname: 'my-dev', image: IMAGE, env: { FOO: 'bar' }, limits });
  const labels = labelsOf(ID, 'workspace');

  it('has what the spec says, and nothing else', () => {
    expect(workspaceContainer(spec, ENGINE)).toEqual({
      name: `devforge-${ID}`,
      hostname: 'my-dev',
      image: IMAGE,
      labels,
      env: { FOO: 'bar' },
      mounts: [
        { volume: `devforge-${ID}-workspace`, target: '/workspace', labels },
        { volume: `devforge-${ID}-state`, target: '/var/lib/devforge', labels },
        { volume: `devforge-${ID}-home`, target: '/home/dev', labels },
        { volume: `devforge-${ID}-egress`, target: '/run/devforge/egress', readOnly: true, noCopy: true, labels },
      ],
      network: 'devforge',
      cpuLimit: 2,
      memoryLimit: 512,
      pidsLimit: 512,
    });
  });

  it('mounts the files of another workspace, under that label', () => {
    const { mounts } = workspaceContainer({ ...spec, dataId: 'other' }, ENGINE);
    expect(mounts[0]).toEqual({
      volume: 'devforge-other-workspace',
      target: '/workspace',
      labels: labelsOf('other', 'workspace'),
    });
    expect(mounts[1]).toMatchObject({ volume: `devforge-${ID}-state`, labels });
  });

  it('has a network of its own where one bridge cannot keep its containers apart', () => {
    expect(workspaceContainer(spec, { ...ENGINE, isolation: 'between-bridges' }).network).toBe(`devforge-${ID}`);
  });

  it('has neither a network nor programs that look for one when it is not open', () => {
    for (const mode of ['restricted', 'none'] as const) {
      const container = workspaceContainer({ ...spec, egress: { mode, allow: [] } }, ENGINE);
      expect(container.network).toBe('none');
      expect(container.env).toMatchObject({
        FOO: 'bar',
        https_proxy: 'http://127.0.0.1:3128',
        HTTP_PROXY: 'http://127.0.0.1:3128',
        NO_PROXY: 'localhost,127.0.0.1,::1',
      });
    }
  });

  it("passes a container's own options of the JDK on beside the proxy, after it", () => {
    const java = '-Djavax.net.ssl.trustStore=/etc/ssl/certs/java/cacerts';
    const optionsOf = (mode: 'open' | 'none'): string | undefined =>
      workspaceContainer({ ...spec, env: { JAVA_TOOL_OPTIONS: java }, egress: { mode, allow: [] } }, ENGINE).env[
        'JAVA_TOOL_OPTIONS'
      ];
    expect(optionsOf('none')).toMatch(new RegExp(`^-Dhttp.proxyHost=127.0.0.1 .* ${java}$`));
    expect(optionsOf('open')).toBe(java);
  });

  it('has no way to the gateway on an engine that cannot give it one', () => {
    const { mounts } = workspaceContainer(spec, { ...ENGINE, canFence: false });
    expect(mounts.map(({ target }) => target)).not.toContain('/run/devforge/egress');
  });

  it('is limited to the cores that the engine has', () => {
    const limitOf = (cpus: number): number =>
      workspaceContainer({ ...spec, limits: { ...limits, cpus } }, ENGINE).cpuLimit;
    expect(limitOf(16)).toBe(4);
    expect(limitOf(0.5)).toBe(0.5);
  });

  it('mounts the socket of the Git agent read-only, and overrides its variable', () => {
    const env = { FOO: 'bar', SSH_AUTH_SOCK: 'forged' };
    const container = workspaceContainer({ ...spec, env, readGitKey: async () => Buffer.from('key') }, ENGINE);
    expect(container.env).toEqual({ FOO: 'bar', SSH_AUTH_SOCK: '/run/devforge/git-agent/agent.sock' });
    expect(container.mounts[4]).toEqual({
      volume: `devforge-${ID}-git-agent`,
      target: '/run/devforge/git-agent',
      readOnly: true,
      labels,
    });
  });
});

describe('gitAgentContainer', () => {
  it('is a small container without a network that has the socket and nothing of the workspace', () => {
    expect(gitAgentContainer(ID, IMAGE)).toEqual({
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
