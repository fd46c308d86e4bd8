/**
 * What a container may do, as the engine itself shows it, against `hardening.md`. Whatever an engine shows as empty
 * is left out on both sides, since engines differ in which empty they show; anything else that is not expected here fails.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ContainerInspectInfo } from 'dockerode';
import { LABEL_ID } from '../../src/drivers/docker/labels.js';
import { dockerEngine, engine, BASE_IMAGE, idleSpec } from './docker-engine-harness.js';

const MIB = 1024 * 1024;
const runtime = dockerEngine();
const { id, ...spec } = idleSpec(
  { image: BASE_IMAGE },
  { cpuLimit: 1.5, memoryLimit: 256, pidsLimit: 512, hostname: 'golden', env: { FOO: 'bar baz', EMPTY: '' } },
);
const volume = `devforge-${id}-workspace`;
const network = `devforge-contract-${id.slice(0, 8)}`;
const labels = { [LABEL_ID]: id };

/** Without what is null, false, zero, or has nothing in it. */
function filled(value: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => !isEmpty(member)));
}

function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isEmpty);
  if (typeof value === 'object' && value !== null) return Object.values(value).every(isEmpty);
  return value === null || value === undefined || value === false || value === 0 || value === '';
}

describe('the profile of a container', () => {
  let inspected: ContainerInspectInfo;

  beforeAll(async () => {
    await runtime.networks.ensureIsolatedBridge(network, labels);
    const mounts = [
      { volume, target: '/workspace', labels },
      { volume: `${volume}-ro`, target: '/lent', readOnly: true, labels },
    ];
    const { dockerId } = await runtime.containers.create({ ...spec, network, mounts });
    await runtime.containers.start(dockerId);
    inspected = await engine().getContainer(dockerId).inspect();
  });

  afterAll(async () => {
    await runtime.containers.remove(spec.name);
    await Promise.all([
      runtime.volumes.remove(volume),
      runtime.volumes.remove(`${volume}-ro`),
      runtime.networks.remove(network),
    ]);
  });

  it('contains nothing else in its host configuration', () => {
    const { MaskedPaths, ReadonlyPaths, Mounts, ...rest } = filled(inspected.HostConfig);
    expect(rest).toEqual({
      NetworkMode: network,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: 512,
      Memory: 256 * MIB,
      MemorySwap: 256 * MIB,
      NanoCpus: 1.5e9,
      Ulimits: [
        { Name: 'nofile', Soft: 16_384, Hard: 16_384 },
        { Name: 'core', Soft: 0, Hard: 0 },
      ],
      OomScoreAdj: 500,
      Init: true,
      IpcMode: 'private',
      CgroupnsMode: 'private',
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      LogConfig: { Type: 'local', Config: { 'max-size': '48m', 'max-file': '3', compress: 'false' } },
      Tmpfs: { '/tmp': 'rw,nosuid,nodev,exec,mode=1777' },
      // The engine's own defaults:
      Runtime: 'runc',
      ShmSize: 64 * MIB,
    });
    expect((Mounts as object[]).map(filled)).toEqual([
      {
        Type: 'volume',
        Source: volume,
        Target: '/workspace',
        VolumeOptions: { Labels: labels, DriverConfig: { Name: 'local' } },
      },
      {
        Type: 'volume',
        Source: `${volume}-ro`,
        Target: '/lent',
        ReadOnly: true,
        VolumeOptions: { Labels: labels, DriverConfig: { Name: 'local' } },
      },
    ]);
    expect(MaskedPaths).toEqual(
      expect.arrayContaining(['/proc/kcore', '/proc/keys', '/proc/timer_list', '/sys/firmware']),
    );
    expect(ReadonlyPaths).toEqual(
      expect.arrayContaining(['/proc/bus', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger']),
    );
  });

  it('contains nothing else in its configuration', () => {
    const { Env, Labels, ...rest } = filled(inspected.Config);
    expect(rest).toEqual({ Hostname: 'golden', User: '1000:1000', Image: BASE_IMAGE, Entrypoint: spec.entrypoint });
    expect(Env).toEqual(expect.arrayContaining(['FOO=bar baz', 'EMPTY=']));
    expect(Labels).toMatchObject(spec.labels);
  });

  it('publishes no port, and mounts only named volumes', () => {
    expect(filled(inspected.NetworkSettings.Ports)).toEqual({});
    expect(Object.keys(inspected.NetworkSettings.Networks)).toEqual([network]);
    expect(
      inspected.Mounts.map(({ Type, Name, Destination, RW }) => ({ Type, Name, Destination, RW })).toSorted((a, b) =>
        a.Destination < b.Destination ? -1 : 1,
      ),
    ).toEqual([
      { Type: 'volume', Name: `${volume}-ro`, Destination: '/lent', RW: false },
      { Type: 'volume', Name: volume, Destination: '/workspace', RW: true },
    ]);
  });

  it('applies to the processes inside', async () => {
    const seen = await runtime.containers.exec(inspected.Id, {
      argv: [
        'sh',
        '-c',
        'id -u; id -g; grep -E "^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):" /proc/self/status; ulimit -n; ulimit -c; grep " /tmp " /proc/mounts | cut -d" " -f3,4; touch /lent/x 2>/dev/null || echo read-only',
      ],
      timeoutMs: 10_000,
    });
    const lines = seen.stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/\s+/g, ' '));
    expect(lines.slice(0, 7)).toEqual([
      '1000',
      '1000',
      expect.stringMatching(/^CapPrm: 0+$/),
      expect.stringMatching(/^CapEff: 0+$/),
      expect.stringMatching(/^CapBnd: 0+$/),
      'NoNewPrivs: 1',
      'Seccomp: 2',
    ]);
    expect(lines.slice(7, 9)).toEqual(['16384', '0']);
    expect(lines[9]).toMatch(/^tmpfs rw,nosuid,nodev,/);
    expect(lines[9]).not.toContain('noexec');
    expect(lines[10]).toBe('read-only');
  });
});
