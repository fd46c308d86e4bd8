import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../test/support/clock/fake-clock.js';
import { containerRow } from '../../test/support/rows.js';
import { DomainError } from '../common/errors/domain-error.js';
import { JobFailure } from '../common/errors/job-failure.js';
import { FakeEngineClient } from '../drivers/docker/engine/fake/fake-engine-client.js';
import { GitAgent } from './git-agent.js';
import { namesOf } from '../workspace/container-names.js';
import type { SshKeys } from './ssh-keys.js';

const IMAGE = 'image';
const KEY = Buffer.from('the key');
const refused = new DomainError('ssh_key_not_usable', 'no such key');

describe('GitAgent', () => {
  const row = containerRow({ sshKeyPath: '~/.ssh/id' });
  const name = namesOf(row.id).gitAgent;
  let runtime: FakeEngineClient;
  let clock: FakeClock;
  let agent: GitAgent;
  let key: Buffer | DomainError;
  /** What `ssh-add -l` answers, one after the other; the last one stays. */
  let listing: number[];

  beforeEach(() => {
    runtime = new FakeEngineClient();
    runtime.images.add(IMAGE);
    clock = new FakeClock();
    key = KEY;
    listing = [1];
    runtime.containers.onExec = ({ argv }) => ({
      exitCode: argv[1] === '-l' ? ((listing.length > 1 ? listing.shift() : listing[0]) ?? 2) : 0,
    });
    const keys = { read: async () => (key instanceof DomainError ? Promise.reject(key) : key) } as unknown as SshKeys;
    agent = new GitAgent(runtime, keys, clock);
  });

  const added = (): unknown[] =>
    runtime.containers.execs.filter(({ request }) => request.argv.includes('-')).map(({ request }) => request.stdin);

  it('makes nothing for a container without a key', async () => {
    await agent.ensure({ ...row, sshKeyPath: null }, IMAGE);
    await agent.stop({ ...row, sshKeyPath: null });
    expect(runtime.faults.calls).toEqual([]);
  });

  it('runs and gets the key through its input, and in no other way', async () => {
    await agent.ensure(row, IMAGE);
    expect(runtime.containers.require(name).state).toBe('running');
    expect(added()).toEqual([KEY]);
    expect(
      JSON.stringify([
        runtime.containers.require(name).spec,
        runtime.containers.execs.map(({ request }) => [request.argv, request.env]),
      ]),
    ).not.toContain('the key');
  });

  it('does not get the key twice', async () => {
    await agent.ensure(row, IMAGE);
    listing = [0];
    await agent.ensure(row, IMAGE);
    expect(added()).toHaveLength(1);
  });

  it('gets the key again after it was stopped', async () => {
    await agent.ensure(row, IMAGE);
    await agent.stop(row);
    expect(runtime.containers.require(name).state).toBe('exited');
    await agent.ensure(row, IMAGE);
    expect(added()).toHaveLength(2);
    expect(runtime.containers.require(name).state).toBe('running');
  });

  it('is waited for until it listens', async () => {
    listing = [2, 2, 2, 1];
    const ensuring = agent.ensure(row, IMAGE);
    for (let poll = 0; poll < 3; poll++) {
      await settled();
      await clock.advance(50);
    }
    await ensuring;
    expect(added()).toEqual([KEY]);
  });

  it('is given up when it never listens, and may be tried again', async () => {
    listing = [2];
    const failure = agent.ensure(row, IMAGE).catch((error: unknown) => error);
    for (let poll = 0; poll < 60; poll++) {
      await settled();
      await clock.advance(50);
    }
    await expect(failure).resolves.toMatchObject({ code: 'git_agent_not_ready', retryable: true });
  });

  it('says that a key is gone, and makes no container for it', async () => {
    key = refused;
    await expect(agent.ensure(row, IMAGE)).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'ssh_key_not_usable',
      message: 'no such key',
      retryable: false,
    });
    expect(runtime.faults.calls).toEqual([]);
  });

  it('says that a key has a passphrase', async () => {
    runtime.containers.onExec = ({ argv }) =>
      argv[1] === '-l'
        ? { exitCode: 1 }
        : { exitCode: 1, stderr: 'Error loading key "(stdin)": incorrect passphrase supplied\n' };
    const failure: unknown = await agent.ensure(row, IMAGE).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(JobFailure);
    expect(failure).toMatchObject({
      code: 'ssh_key_not_usable',
      retryable: false,
      output: ['Error loading key "(stdin)": incorrect passphrase supplied'],
    });
  });

  it('may be stopped when it is not there', async () => {
    await expect(agent.stop(row)).resolves.toBeUndefined();
  });
});
