import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { bodyOf, curlOf, type Draft, EMPTY_DRAFT, parseEnv, parseRules } from './draft.ts';

const CONTRACT = new URL('../../../contract/openapi.json', import.meta.url);
interface Document {
  components: { schemas: { CreateContainerDto: { properties: object } } };
}

describe('the draft of a container', () => {
  it('asks for the defaults that it shows, and leaves the rest to the server', () => {
    expect(bodyOf({ ...EMPTY_DRAFT, name: ' web ' })).toEqual({
      name: 'web',
      template: 'both',
      mode: 'interactive',
      cpuLimit: 2,
      memoryLimit: 2048,
      diskLimit: 10240,
    });
  });

  it('has every field of the API', () => {
    const { components } = JSON.parse(readFileSync(CONTRACT, 'utf8')) as Document;
    const filled: Draft = {
      ...EMPTY_DRAFT,
      egress: 'restricted',
      egressSets: ['git'],
      submodules: true,
      lfs: true,
      schedule: { start: '1', stop: '2', timeZone: 'UTC' },
      credentials: ['id'],
      env: 'A=1',
    };
    for (const [name, value] of Object.entries(filled)) if (value === '') Object.assign(filled, { [name]: '7' });
    const fields = Object.keys(components.schemas.CreateContainerDto.properties);
    expect(Object.keys(bodyOf(filled)).toSorted()).toEqual(fields.toSorted());
  });

  it('asks for no stop with 0, and for the default of the server without a number', () => {
    expect(bodyOf({ ...EMPTY_DRAFT, idleStopMinutes: '0' })).toMatchObject({ idleStopMinutes: null });
    expect(bodyOf({ ...EMPTY_DRAFT, idleStopMinutes: '30' })).toMatchObject({ idleStopMinutes: 30 });
    expect(bodyOf(EMPTY_DRAFT)).not.toHaveProperty('idleStopMinutes');
  });

  it('has a schedule where one of its times is given', () => {
    const schedule = { start: '', stop: ' 0 19 * * * ', timeZone: 'Europe/Berlin' };
    expect(bodyOf({ ...EMPTY_DRAFT, schedule })).toMatchObject({
      schedule: { stop: '0 19 * * *', timeZone: 'Europe/Berlin' },
    });
    expect(bodyOf({ ...EMPTY_DRAFT, schedule: { ...schedule, stop: '' } })).not.toHaveProperty('schedule');
  });

  it('clones when there is a repository, and says nothing about a branch otherwise', () => {
    const draft = { ...EMPTY_DRAFT, name: 'web', repoBranch: 'main', sshKeyPath: '~/.ssh/id' };
    expect(bodyOf(draft)).not.toHaveProperty('repoBranch');
    expect(bodyOf({ ...draft, repoUrl: 'git@example.org:a/b.git' })).toMatchObject({
      repoType: 'clone',
      repoUrl: 'git@example.org:a/b.git',
      repoBranch: 'main',
      sshKeyPath: '~/.ssh/id',
    });
  });

  it('names hosts only for a restricted container', () => {
    const draft = { ...EMPTY_DRAFT, name: 'web', egressSets: ['git' as const], egressAllow: 'example.org:8443' };
    expect(bodyOf({ ...draft, egress: 'none' })).not.toHaveProperty('egressAllow');
    expect(bodyOf({ ...draft, egress: 'restricted' })).toMatchObject({
      egressSets: ['git'],
      egressAllow: [{ host: 'example.org', ports: [8443] }],
    });
  });

  it('reads variables line by line, with everything after the first equals sign', () => {
    expect(parseEnv('A=1\n\n# no\n  B = x=y \nC')).toEqual({ A: '1', B: ' x=y ', C: '' });
  });

  it('reads hosts with and without a port', () => {
    expect(parseRules('*.example.org\n example.com:443, a.test')).toEqual([
      { host: '*.example.org' },
      { host: 'example.com', ports: [443] },
      { host: 'a.test' },
    ]);
  });

  it('is the same as a command, also with quotes in it', () => {
    const command = curlOf('http://localhost:3000', bodyOf({ ...EMPTY_DRAFT, name: 'web', env: "A=it's" }));
    expect(command).toContain('curl -X POST http://localhost:3000/api/containers');
    expect(command).toContain(String.raw`"A": "it'\''s"`);
  });
});
