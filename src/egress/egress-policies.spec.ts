import { beforeEach, describe, expect, it } from '@jest/globals';
import { containerRow, projectRow } from '../../test/support/rows.js';
import type { Settings } from '../config/settings.js';
import { FakeWorkspaceDriver } from '../drivers/fake/fake-workspace-driver.js';
import type { ProjectsRepository } from '../persistence/auth/projects.repository.js';
import type { ContainerRow } from '../persistence/containers/containers.repository.js';
import type { EgressRule } from '../persistence/types.js';
import { EgressPolicies } from './egress-policies.js';

describe('EgressPolicies', () => {
  let driver: FakeWorkspaceDriver;
  let forbidOpen: boolean;
  let settings: {
    egress: object;
    egressDefaults: Record<'interactive' | 'autonomous', string>;
    agentEnv: Record<string, string>;
  };
  let policies: EgressPolicies;

  beforeEach(() => {
    driver = new FakeWorkspaceDriver();
    forbidOpen = false;
    settings = {
      egress: { privateHosts: ['10.0.0.0/8'] },
      egressDefaults: { interactive: 'open', autonomous: 'restricted' },
      agentEnv: {},
    };
    const findById = async (id: string) => (id === 'absent' ? null : projectRow({ id, egress: { forbidOpen } }));
    policies = new EgressPolicies(
      driver,
      { findById } as unknown as ProjectsRepository,
      settings as unknown as Settings,
    );
  });

  const restricted = (row: Partial<ContainerRow>): ContainerRow => containerRow({ egress: 'restricted', ...row });
  const allowed = async (row: Partial<ContainerRow>): Promise<EgressRule[]> =>
    (await policies.resolve(restricted(row))).allow;

  it('gives a new container what the server says for its mode, and the sets git and model', () => {
    const sets = { egressAllow: [], egressSets: ['git', 'model'] };
    expect(policies.forNew('interactive', {})).toEqual({ egress: 'open', ...sets });
    expect(policies.forNew('autonomous', {})).toEqual({ egress: 'restricted', ...sets });
    const wanted = { egress: 'none' as const, egressAllow: [{ host: '*.Example.org', ports: [443] }], egressSets: [] };
    const egressAllow = [{ host: '*.example.org', ports: [443] }];
    expect(policies.forNew('autonomous', wanted)).toEqual({ ...wanted, egressAllow });
  });

  it('gives no container open egress in a project that forbids it, whoever asks', async () => {
    forbidOpen = true;
    expect(policies.insteadOfOpen({})).toBe('restricted');
    const forbidden = expect.objectContaining({ code: 'egress_open_forbidden' });
    expect(() => policies.insteadOfOpen({ egress: 'open' })).toThrow(forbidden);
    await expect(policies.afterChange(restricted({}), { egress: 'open' })).rejects.toEqual(forbidden);
    await expect(policies.afterChange(containerRow(), { egress: 'open', egressSets: [] })).resolves.toMatchObject({
      egress: 'open',
    });
  });

  it('refuses to restrict where the engine cannot', async () => {
    driver.capabilities = { ...driver.capabilities, fence: false };
    const refused = expect.objectContaining({ code: 'egress_not_supported' });
    for (const egress of ['restricted', 'none'] as const) {
      expect(() => policies.forNew('interactive', { egress })).toThrow(refused);
      await expect(policies.afterChange(containerRow(), { egress })).rejects.toEqual(refused);
    }
    expect(() => policies.forNew('autonomous', {})).toThrow(
      expect.objectContaining({
        code: 'egress_not_supported',
        message: expect.stringContaining('EGRESS_AUTONOMOUS=open'),
      }),
    );
    expect(() => policies.insteadOfOpen({})).toThrow(refused);
    expect(policies.forNew('interactive', {})).toMatchObject({ egress: 'open' });
  });

  it('takes an address only where the operator exempts it', () => {
    const rule = (host: string) => ({ egressAllow: [{ host, ports: [443] }] });
    expect(policies.forNew('interactive', rule('10.9.8.7'))).toMatchObject(rule('10.9.8.7'));
    const invalid = { code: 'validation_failed', fields: [expect.objectContaining({ field: 'egressAllow.0.host' })] };
    expect(() => policies.forNew('interactive', rule('127.1'))).toThrow(expect.objectContaining(invalid));
  });

  it('keeps what a change does not name', async () => {
    const row = restricted({ egressAllow: [{ host: 'a.example', ports: [443] }], egressSets: ['packages'] });
    const { egress, egressAllow, egressSets } = row;
    await expect(policies.afterChange(row, {})).resolves.toEqual({ egress, egressAllow, egressSets });
    await expect(policies.afterChange(row, { egressAllow: [] })).resolves.toEqual({
      egress,
      egressAllow: [],
      egressSets,
    });
  });

  it.each([
    ['https://Git.example.org/a/b.git', { host: 'git.example.org', ports: [443] }],
    ['https://user@git.example.org:8443/a.git', { host: 'git.example.org', ports: [8443] }],
    ['ssh://git@git.example.org/a.git', { host: 'git.example.org', ports: [22] }],
    ['ssh://git@git.example.org:2222/a.git', { host: 'git.example.org', ports: [2222] }],
    ['git@git.example.org:a/b.git', { host: 'git.example.org', ports: [22] }],
    ['git@[fd00::1]:a.git', { host: '[fd00::1]', ports: [22] }],
  ])('allows the host and the port of the repository: %s', async (repoUrl, rule) => {
    await expect(allowed({ repoUrl, egressSets: ['git'] })).resolves.toEqual([rule]);
  });

  it('allows the API of the model: the one of the container, of the server, or of Claude Code', async () => {
    const host = async (env: Record<string, string> = {}) => (await allowed({ env, egressSets: ['model'] }))[0];
    await expect(host()).resolves.toEqual({ host: 'api.anthropic.com', ports: [443] });
    settings.agentEnv['ANTHROPIC_BASE_URL'] = 'http://gateway.internal:4000/v1';
    await expect(host()).resolves.toEqual({ host: 'gateway.internal', ports: [4000] });
    await expect(host({ ANTHROPIC_BASE_URL: 'http://own.example' })).resolves.toEqual({
      host: 'own.example',
      ports: [80],
    });
    await expect(host({ ANTHROPIC_BASE_URL: 'nonsense' })).resolves.toBeUndefined();
  });

  it('asks for the hosts of the package managers in an image until it knows them', async () => {
    const { image } = containerRow();
    await expect(allowed({ egressSets: ['packages'] })).resolves.toEqual([]);
    driver.images.add(image!);
    await expect(allowed({ egressSets: ['packages'] })).resolves.toEqual(driver.packageHosts);
    await allowed({ egressSets: ['packages'] });
    expect(driver.faults.calls.filter((call) => call === 'packageRules')).toHaveLength(2);
    await expect(allowed({ egressSets: ['packages'], image: null })).resolves.toEqual([]);
  });

  it('has one rule for each host', async () => {
    const egressAllow = [
      { host: 'git.example.org', ports: [8443, 22] },
      { host: '*.example.org', ports: [443] },
    ];
    await expect(allowed({ egressAllow, egressSets: ['git'], repoUrl: 'https://git.example.org/a' })).resolves.toEqual([
      { host: 'git.example.org', ports: [22, 443, 8443] },
      { host: '*.example.org', ports: [443] },
    ]);
  });

  it.each(['open', 'none'] as const)('has no rules when it is %s', async (egress) => {
    const row = containerRow({ egress, egressAllow: [{ host: 'a.example', ports: [443] }], egressSets: ['git'] });
    await expect(policies.resolve(row)).resolves.toEqual({ mode: egress, allow: [] });
  });
});
