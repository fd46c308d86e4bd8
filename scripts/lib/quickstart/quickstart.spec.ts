import { describe, expect, it } from '@jest/globals';
import { describeProblem } from './client.mjs';
import { describeProgress, ensureContainer, planContainer } from './container.mjs';
import { gatewayCandidates } from './gateway.mjs';
import { certificateConfig } from './git-certificate.mjs';
import { parseCgiHead } from './git-server.mjs';
import { HELP, quickstartOptions } from './options.mjs';
import { summary } from './summary.mjs';

describe('the container of the quickstart', () => {
  it.each([
    [undefined, {}, 'create'],
    [undefined, { template: 'claude' }, 'create'],
    [{ status: 'running' }, {}, 'reuse'],
    [{ status: 'stopped' }, {}, 'start'],
    [{ status: 'missing' }, {}, 'start'],
    [{ status: 'cloning' }, {}, 'wait'],
    [{ status: 'failed', startedAt: null }, {}, 'replace'],
    [{ status: 'failed', startedAt: '2026-01-01' }, {}, 'start'],
    [{ status: 'running', repoUrl: 'https://a' }, { repo: 'https://a' }, 'reuse'],
    [{ status: 'running', repoUrl: 'https://a' }, { repo: 'https://b' }, 'conflict'],
    [{ status: 'running', template: 'both' }, { template: 'both' }, 'reuse'],
    [{ status: 'running', template: 'both' }, { template: 'claude' }, 'conflict'],
    [{ status: 'running', repoBranch: null }, { branch: 'main' }, 'conflict'],
    [{ status: 'running' }, { sshKey: '~/.ssh/id' }, 'reuse'],
  ])('plans for the container %j, asked for %j: %s', (found, asked, plan) => {
    expect(planContainer(found, asked)).toBe(plan);
  });

  describe('that exists already', () => {
    const ensure = async (asked: object): Promise<string[]> => {
      const found = { name: 'quickstart', status: 'running', repoUrl: 'https://a', repoBranch: null, template: 'both' };
      const notes: string[] = [];
      const step = { note: (line: string) => notes.push(line), done: () => undefined, progress: () => undefined };
      const api = { request: async () => ({ status: 200, body: found }), must: async () => found };
      await ensureContainer({ api, spec: { name: 'quickstart' }, asked, step, server: {} });
      return notes;
    };

    it('is not passed off as the one that was asked for', async () => {
      await expect(ensure({ template: 'claude', branch: 'dev' })).rejects.toMatchObject({
        message: 'The container "quickstart" exists already, with branch (none), template both.',
        hints: [
          'npm run quickstart -- --name another-name --branch dev --template claude   # a new one beside it',
          'npm run quickstart -- --name quickstart   # the existing one',
        ],
      });
    });

    it('keeps its key, and the quickstart says so', async () => {
      await expect(ensure({ sshKey: '~/.ssh/id' })).resolves.toEqual([
        '--ssh-key is for new containers: "quickstart" exists already and keeps what it was created with.',
        'For a new one: npm run quickstart -- --name another-name --ssh-key ~/.ssh/id',
      ]);
      await expect(ensure({})).resolves.toEqual([]);
    });
  });

  it('shows step, percentage and message of its job', () => {
    expect(describeProgress({ status: 'queued' })).toBe('queued');
    expect(
      describeProgress({ status: 'creating' }, { step: 'image', progress: 40, message: 'Step 4/31 : RUN apt-get' }),
    ).toBe('image · 40 % · Step 4/31 : RUN apt-get');
    expect(describeProgress({ status: 'creating' }, { step: null, progress: { percent: 5, message: 'x' } })).toBe(
      'creating · 5 % · x',
    );
  });

  it('describes the problem that the server reported', () => {
    expect(
      describeProblem({ detail: 'Invalid', code: 'validation', errors: [{ field: 'name', messages: ['is taken'] }] }),
    ).toBe('Invalid (validation) name: is taken');
    expect(
      describeProblem({
        detail: 'name: is taken; env: must be an object',
        code: 'validation_failed',
        errors: [
          { field: 'name', messages: ['is taken'] },
          { field: 'env', messages: ['must be an object'] },
        ],
      }),
    ).toBe('name: is taken; env: must be an object (validation_failed)');
    expect(describeProblem(undefined)).toBe('no reason given');
  });
});

describe('the options of the quickstart', () => {
  it('have defaults, and remember what was asked for', () => {
    expect(quickstartOptions([])).toMatchObject({ name: 'quickstart', template: 'both', noFollow: false, given: {} });
    expect(
      quickstartOptions(['--template', 'claude', '--name', 'a-1', '--ssh-key', '~/k', '--no-follow']),
    ).toMatchObject({
      name: 'a-1',
      template: 'claude',
      sshKey: '~/k',
      noFollow: true,
      given: { template: 'claude' },
    });
  });

  it.each([
    [['--name', 'My Shop'], '"My Shop" cannot be the name of a container'],
    [['--name=-a'], '"-a" cannot be the name of a container'],
    [['--name', '00000000-0000-4000-8000-00000000dead'], 'cannot be the name of a container'],
    [['--template', 'vim'], '"vim" is no template: there are claude, vscode and both.'],
    [['--repository', 'x'], "Unknown option '--repository'"],
  ])('are refused when they are %j, with the way to the help', (args, message) => {
    expect(() => quickstartOptions(args)).toThrow(
      expect.objectContaining({ message: expect.stringContaining(message), hints: ['npm run quickstart -- --help'] }),
    );
  });

  it('are each explained by the help, with an example', () => {
    for (const option of ['repo', 'branch', 'name', 'template', 'ssh-key', 'port', 'no-follow', 'help'])
      expect(HELP).toMatch(new RegExp(`^ +(-h, )?--${option} .*\\w`, 'm'));
    expect(HELP).toContain('Example:');
  });
});

describe('the git server of the quickstart', () => {
  it('listens on the gateway that the engine describes, else on an address of this machine', () => {
    const interfaces = {
      eth0: [{ address: '10.0.0.9', family: 'IPv4', internal: false }],
      lo: [{ address: '127.0.0.1', family: 'IPv4', internal: true }],
    } as never;
    expect(
      gatewayCandidates({ IPAM: { Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.254' }] } }, interfaces),
    ).toEqual(['172.17.0.254', '172.17.0.1', '10.0.0.9']);
    expect(gatewayCandidates({ IPAM: { Config: [{ Subnet: 'fd00::/64', Gateway: 'fd00::1' }] } }, interfaces)).toEqual([
      '10.0.0.9',
    ]);
    expect(gatewayCandidates({}, {})).toEqual([]);
  });

  it('has a certificate authority that may sign for its address only', () => {
    expect(certificateConfig('172.17.0.1')).toContain(
      'nameConstraints = critical,permitted;IP:172.17.0.1/255.255.255.255,permitted;DNS:invalid',
    );
  });

  it('parses status and headers of the CGI response of git', () => {
    expect(parseCgiHead('Status: 404 Not Found\r\nContent-Type: text/plain')).toEqual({
      status: 404,
      headers: { 'Content-Type': 'text/plain' },
    });
    expect(parseCgiHead('Content-Type: a').status).toBe(200);
  });
});

describe('the summary of the quickstart', () => {
  it('contains the links, the token, a curl line and the docs', () => {
    const text = summary({
      port: 3000,
      token: 't0k',
      console: {
        url: 'http://localhost:3000/welcome#secret',
        expiresAt: '2026-01-01T00:15:00.000Z',
        isOpened: false,
      },
      editorUrl: '/editor/1?ticket=x',
      container: { name: 'quickstart', repoUrl: 'https://r' },
      log: '/d/devforge.log',
      reused: false,
      took: '3 s',
      follow: true,
    });
    for (const part of [
      'Console    http://localhost:3000/welcome#secret\n',
      'works once, until 2026-01-01T00:15:00.000Z',
      'http://localhost:3000/editor/1?ticket=x',
      't0k',
      'curl -H "Authorization: Bearer t0k" "http://localhost:3000/api/containers',
      'http://localhost:3000/docs',
      'Ctrl-C stops DevForge',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('says where the console is when no link to it can be made', () => {
    const text = summary({
      port: 3001,
      token: 't0k',
      editorUrl: '/editor/1',
      container: { name: 'quickstart' },
      log: '/d/devforge.log',
      reused: true,
      took: '3 s',
      follow: false,
    });
    expect(text).toContain('Console    http://localhost:3001/\n');
  });
});
