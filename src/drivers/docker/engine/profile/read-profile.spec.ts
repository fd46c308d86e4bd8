import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { EngineProfile } from './engine-profile.js';
import { type InfoRecord, type PodmanInfoRecord, readProfile, type VersionRecord } from './read-profile.js';
import { reasonAgainst, shortcomingsOf } from './unsuitable-engine.js';

interface Recorded {
  version: VersionRecord;
  info: InfoRecord;
  podman?: PodmanInfoRecord;
}

/** What an engine answered, without what concerns its machine. */
function recorded(name: string): Recorded {
  const file = new URL(`../../../../../test/support/engines/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as Recorded;
}

function profileOf(name: string, change: (answers: Recorded) => void = () => undefined): EngineProfile {
  const answers = recorded(name);
  change(answers);
  return readProfile(answers.version, answers.info, answers.podman);
}

const ALL = { cpu: true, memory: true, pids: true };
const NONE = { cpu: false, memory: false, pids: false };

describe('readProfile', () => {
  it('knows Docker 20.10', () => {
    const profile = profileOf('docker-20.10');
    expect(profile).toEqual({
      name: 'Docker',
      version: '20.10.24+dfsg1',
      apiVersion: '1.41',
      os: 'linux',
      cpus: 2,
      memoryMiB: 24_152,
      isRootless: false,
      limits: ALL,
      canPause: true,
      canFence: true,
      measuresUsage: true,
      log: {
        driver: 'local',
        options: { 'max-size': '48m', 'max-file': '3', compress: 'false' },
        times: 'epoch-seconds',
        maxTail: Number.MAX_SAFE_INTEGER,
      },
      isolation: 'within-bridge',
      statisticsEveryMs: 1_000,
    });
    expect([reasonAgainst(profile), shortcomingsOf(profile)]).toEqual([undefined, []]);
  });

  it('knows Podman 4.3 of root', () => {
    const profile = profileOf('podman-4.3');
    expect(profile).toEqual({
      name: 'Podman',
      version: '4.3.1',
      apiVersion: '1.41',
      os: 'linux',
      cpus: 2,
      memoryMiB: 24_152,
      isRootless: false,
      limits: ALL,
      canPause: true,
      canFence: true,
      measuresUsage: true,
      log: { driver: 'k8s-file', options: { 'max-size': '144m' }, times: 'rfc3339', maxTail: 100_000 },
      isolation: 'between-bridges',
      statisticsEveryMs: 5_000,
    });
    expect([reasonAgainst(profile), shortcomingsOf(profile)]).toEqual([undefined, []]);
  });

  it('knows that Podman of an ordinary user enforces nothing on cgroup version 1, and says so', () => {
    const profile = profileOf('podman-4.3-rootless');
    expect(profile).toMatchObject({ isRootless: true, limits: NONE, canPause: false, measuresUsage: false });
    expect(reasonAgainst(profile)).toBeUndefined();
    expect(shortcomingsOf(profile)).toEqual([
      'Not enforced: cpuLimit, memoryLimit, the limit of processes. Podman runs rootless and has no cgroups for it, which needs cgroup v2 and systemd.',
      'Containers cannot be paused.',
      'What containers use of cores and memory is not measured.',
    ]);
  });

  it.each([
    ['1', 'systemd', NONE],
    ['2', 'cgroupfs', NONE],
    ['2', 'none', NONE],
    ['2', 'systemd', { cpu: false, memory: true, pids: true }],
  ])(
    'knows what was delegated to an ordinary user on cgroup version %s with the driver %s',
    (version, driver, limits) => {
      const delegate = (answers: Recorded): void => {
        answers.info.CgroupVersion = version;
        answers.info.CgroupDriver = driver;
        if (answers.podman !== undefined) answers.podman.host.cgroupControllers = ['memory', 'pids'];
      };
      expect(profileOf('podman-4.3-rootless', delegate).limits).toEqual(limits);
    },
  );

  it('reads from Docker itself whether it is rootless, and what it enforces', () => {
    const rootless = (answers: Recorded): void => {
      answers.info.SecurityOptions = ['name=seccomp,profile=default', 'name=rootless'];
      answers.info.CgroupVersion = '2';
      answers.info.CgroupDriver = 'systemd';
      answers.info.CpuCfsQuota = false;
    };
    expect(profileOf('docker-20.10', rootless)).toMatchObject({
      isRootless: true,
      limits: { ...ALL, cpu: false },
      canPause: true,
      canFence: true,
    });
  });
});

describe('reasonAgainst', () => {
  const reasonFor = (name: string, change: (answers: Recorded) => void): string | undefined =>
    reasonAgainst(profileOf(name, change));

  it.each(['1.40', '1.9'])('names the version %s of an API that is too old', (version) => {
    expect(reasonFor('docker-20.10', (answers) => (answers.version.ApiVersion = version))).toBe(
      `Docker 20.10.24+dfsg1 is too old: it has version ${version} of the Docker API, and DevForge needs 1.41 or later (Docker 20.10)`,
    );
  });

  it.each(['1.41', '1.44', '1.100', '2.0'])('accepts version %s of the API', (version) => {
    expect(reasonFor('docker-20.10', (answers) => (answers.version.ApiVersion = version))).toBeUndefined();
  });

  it.each([
    ['3.4.4', 'Podman 3.4.4 is too old: DevForge needs 4.3 or later, which keeps workspaces apart'],
    ['4.2.1', 'Podman 4.2.1 is too old: DevForge needs 4.3 or later, which keeps workspaces apart'],
    ['4.3.0-rc1', undefined],
    ['5.0.0', undefined],
  ])('judges Podman %s', (version, reason) => {
    expect(reasonFor('podman-4.3', (answers) => (answers.version.Version = version))).toBe(reason);
  });

  it('names the containers of another system, and log drivers that cannot be read', () => {
    expect(reasonFor('docker-20.10', (answers) => (answers.info.OSType = 'windows'))).toContain(
      'containers of windows',
    );
    expect(reasonFor('podman-4.3', (answers) => (answers.info.Plugins = { Log: ['journald', 'none'] }))).toContain(
      'no log driver',
    );
  });
});
