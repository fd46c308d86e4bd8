import { beforeEach, describe, expect, it } from '@jest/globals';
import type Dockerode from 'dockerode';
import { EngineProfiles } from './engine-profiles.js';

describe('EngineProfiles', () => {
  let asked: string[];
  let apiVersion: string;
  let failNext: boolean;
  let profiles: EngineProfiles;

  beforeEach(() => {
    [asked, apiVersion, failNext] = [[], '1.41', false];
    const docker = {
      version: async () => {
        asked.push('version');
        if (failNext) throw Object.assign(new Error('starting'), { statusCode: 503 });
        return { Version: '20.10.24', ApiVersion: apiVersion };
      },
      info: async () => {
        asked.push('info');
        return { NCPU: 2, OSType: 'linux', Plugins: { Log: ['local'] } };
      },
    };
    profiles = new EngineProfiles(docker as unknown as Dockerode);
  });

  it('asks the engine once, and again after it has gone', async () => {
    await Promise.all([profiles.get(), profiles.get()]);
    await profiles.get();
    expect(asked).toEqual(['version', 'info']);
    profiles.forget();
    await expect(profiles.get()).resolves.toMatchObject({ name: 'Docker', version: '20.10.24', cpus: 2 });
    expect(asked).toHaveLength(4);
  });

  it('does not keep a failure', async () => {
    failNext = true;
    await expect(profiles.get()).rejects.toMatchObject({ code: 'unavailable' });
    failNext = false;
    await expect(profiles.get()).resolves.toMatchObject({ name: 'Docker' });
  });

  it('refuses an engine that cannot be used, with the reason, until another one answers', async () => {
    apiVersion = '1.40';
    await expect(profiles.get()).rejects.toMatchObject({
      name: 'UnsuitableEngineError',
      code: 'unavailable',
      message: expect.stringContaining('version 1.40 of the Docker API'),
    });
    apiVersion = '1.41';
    await expect(profiles.get()).resolves.toMatchObject({ apiVersion: '1.41' });
  });
});
