import { describe, expect, it } from '@jest/globals';
import { describeProblem } from './client.mjs';
import { describeProgress, planContainer } from './container.mjs';
import { gatewayCandidates } from './gateway.mjs';
import { certificateConfig } from './git-certificate.mjs';
import { parseCgiHead } from './git-server.mjs';
import { summary } from './summary.mjs';

describe('the container of the quickstart', () => {
  it.each([
    [undefined, undefined, 'create'],
    [{ status: 'running' }, undefined, 'reuse'],
    [{ status: 'stopped' }, undefined, 'start'],
    [{ status: 'missing' }, undefined, 'start'],
    [{ status: 'cloning' }, undefined, 'wait'],
    [{ status: 'failed', startedAt: null }, undefined, 'replace'],
    [{ status: 'failed', startedAt: '2026-01-01' }, undefined, 'start'],
    [{ status: 'running', repoUrl: 'https://a' }, 'https://a', 'reuse'],
    [{ status: 'running', repoUrl: 'https://a' }, 'https://b', 'conflict'],
  ])('plans for the container %j with --repo %s: %s', (found, asked, plan) => {
    expect(planContainer(found, asked)).toBe(plan);
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
    expect(describeProblem(undefined)).toBe('no reason given');
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
  it('contains the link, the token, a curl line and the docs', () => {
    const text = summary({
      port: 3000,
      token: 't0k',
      editorUrl: '/editor/1?ticket=x',
      container: { name: 'quickstart', repoUrl: 'https://r' },
      log: '/d/devforge.log',
      reused: false,
      took: '3 s',
      follow: true,
    });
    for (const part of [
      'http://localhost:3000/editor/1?ticket=x',
      't0k',
      'curl -H "Authorization: Bearer t0k" "http://localhost:3000/api/containers',
      'http://localhost:3000/docs',
      'Ctrl-C stops DevForge',
    ]) {
      expect(text).toContain(part);
    }
  });
});
