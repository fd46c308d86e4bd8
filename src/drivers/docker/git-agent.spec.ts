import { beforeEach, describe, expect, it } from '@jest/globals';
import { FakeClock, settled } from '../../../test/support/clock/fake-clock.js';
import { JobFailure } from '../../common/errors/job-failure.js';
import { FakeEngineClient } from './engine/fake/fake-engine-client.js';
import { GitAgent } from './git-agent.js';
import { namesOf } from './names.js';
import { WorkspaceObjects } from './workspace-objects.js';

const IMAGE = 'image';
const KEY = Buffer.from('the key');
const ID = '123e4567-e89b-42d3-a456-426614174000';
const refused = new JobFailure('ssh_key_not_usable', 'no such key');

describe('GitAgent', () => {
  const name = namesOf(ID).gitAgent;
  let engine: FakeEngineClient;
  let clock: FakeClock;
  let agent: GitAgent;
  let key: Buffer | JobFailure;
  /** What `ssh-add -l` answers, one after the other; the last one stays. */
  let listing: number[];

  beforeEach(() => {
    engine = new FakeEngineClient();
    engine.images.add(IMAGE);
    clock = new FakeClock();
    key = KEY;
    listing = [1];
    engine.containers.onExec = ({ argv }) => ({
      exitCode: argv[1] === '-l' ? ((listing.length > 1 ? listing.shift() : listing[0]) ?? 2) : 0,
    });
    agent = new GitAgent(engine, new WorkspaceObjects(engine, clock), clock);
  });

  const ensure = (): Promise<void> =>
    agent.ensure(ID, IMAGE, async () => (key instanceof JobFailure ? Promise.reject(key) : key));
  const added = (): unknown[] =>
    engine.containers.execs.filter(({ request }) => request.argv.includes('-')).map(({ request }) => request.stdin);

  it('gets the key through stdin, and in no other way', async () => {
    await ensure();
    expect(engine.containers.require(name).state).toBe('running');
    expect(added()).toEqual([KEY]);
    expect(
      JSON.stringify([
        engine.containers.require(name).spec,
        engine.containers.execs.map(({ request }) => [request.argv, request.env]),
      ]),
    ).not.toContain('the key');
  });

  it('is not given a key that it has already', async () => {
    await ensure();
    listing = [0];
    await ensure();
    expect(added()).toHaveLength(1);
  });

  it('gets the key again after it was stopped', async () => {
    await ensure();
    await agent.stop(ID);
    expect(engine.containers.require(name).state).toBe('exited');
    await ensure();
    expect(added()).toHaveLength(2);
    expect(engine.containers.require(name).state).toBe('running');
  });

  it('is polled until it listens', async () => {
    listing = [2, 2, 2, 1];
    const ensuring = ensure();
    for (let poll = 0; poll < 3; poll++) {
      await settled();
      await clock.advance(50);
    }
    await ensuring;
    expect(added()).toEqual([KEY]);
  });

  it('fails with a retryable error when it never listens', async () => {
    listing = [2];
    const failure = ensure().catch((error: unknown) => error);
    for (let poll = 0; poll < 60; poll++) {
      await settled();
      await clock.advance(50);
    }
    await expect(failure).resolves.toMatchObject({ code: 'git_agent_not_ready', retryable: true });
  });

  it('creates no container when the key cannot be read', async () => {
    key = refused;
    await expect(ensure()).rejects.toMatchObject({
      name: 'JobFailure',
      code: 'ssh_key_not_usable',
      message: 'no such key',
      retryable: false,
    });
    expect(engine.faults.calls).toEqual([]);
  });

  it('rejects a key with a passphrase', async () => {
    engine.containers.onExec = ({ argv }) =>
      argv[1] === '-l'
        ? { exitCode: 1 }
        : { exitCode: 1, stderr: 'Error loading key "(stdin)": incorrect passphrase supplied\n' };
    const failure: unknown = await ensure().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(JobFailure);
    expect(failure).toMatchObject({
      code: 'ssh_key_not_usable',
      retryable: false,
      output: ['Error loading key "(stdin)": incorrect passphrase supplied'],
    });
  });

  it('can be stopped when it does not exist', async () => {
    await expect(agent.stop(ID)).resolves.toBeUndefined();
  });
});
