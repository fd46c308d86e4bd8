import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { type CgroupFiles, findCgroup } from './cgroup-files.js';

const ID = 'a'.repeat(64);
const PID = 4242;

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'devforge-cgroup-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function record(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function find(): (Record<keyof Omit<CgroupFiles, 'version'>, string> & { version: number }) | undefined {
  const found = findCgroup(PID, root);
  if (found === undefined) return undefined;
  const { version, ...paths } = found;
  return {
    version,
    ...(Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, relative(root, path)])) as Record<
      keyof typeof paths,
      string
    >),
  };
}

const version1Files = (cpu: string, memory: string, pids: string): Record<string, string> => ({
  [`${cpu}/cpuacct.usage`]: '1',
  [`${memory}/memory.usage_in_bytes`]: '1',
  [`${memory}/memory.stat`]: '',
  [`${pids}/pids.current`]: '1',
  [`${pids}/cgroup.procs`]: '',
  [`proc/${PID}/net/dev`]: '',
});

const version2Files = (folder: string): Record<string, string> =>
  Object.fromEntries(
    [
      ...['cpu.stat', 'memory.current', 'memory.stat', 'pids.current', 'cgroup.procs'].map(
        (name) => `${folder}/${name}`,
      ),
      `proc/${PID}/net/dev`,
    ].map((path) => [path, '1']),
  );

describe('the cgroup files of version 1', () => {
  const mountinfo = [
    '23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw',
    '31 23 0:28 / /sys/fs/cgroup ro,nosuid shared:9 - tmpfs tmpfs ro,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/systemd rw shared:10 - cgroup cgroup rw,xattr,name=systemd',
    '33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct',
    '34 31 0:31 / /sys/fs/cgroup/memory rw shared:12 - cgroup cgroup rw,memory',
    '35 31 0:32 / /sys/fs/cgroup/pids rw shared:13 - cgroup cgroup rw,pids',
  ].join('\n');

  it.each([
    ['cgroupfs', `/docker/${ID}`],
    ['systemd', `/system.slice/docker-${ID}.scope`],
  ])('are found with the %s driver', (_, path) => {
    record({
      'proc/self/mountinfo': mountinfo,
      [`proc/${PID}/cgroup`]: ['12:pids', '6:memory', '4:cpu,cpuacct', '1:name=systemd']
        .map((line) => `${line}:${path}`)
        .join('\n'),
      ...version1Files(`sys/fs/cgroup/cpu,cpuacct${path}`, `sys/fs/cgroup/memory${path}`, `sys/fs/cgroup/pids${path}`),
    });
    expect(find()).toEqual({
      version: 1,
      cpu: `sys/fs/cgroup/cpu,cpuacct${path}/cpuacct.usage`,
      memory: `sys/fs/cgroup/memory${path}/memory.usage_in_bytes`,
      memoryStat: `sys/fs/cgroup/memory${path}/memory.stat`,
      pids: `sys/fs/cgroup/pids${path}/pids.current`,
      processes: `sys/fs/cgroup/pids${path}/cgroup.procs`,
      network: `proc/${PID}/net/dev`,
    });
  });

  it('are found on a hybrid machine, whose version 2 has no controllers, with a path for each controller', () => {
    record({
      'proc/self/mountinfo': [
        '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755',
        '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
        '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu',
        '33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct',
        '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
        '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids',
      ].join('\n'),
      [`proc/${PID}/cgroup`]: `8:pids:/docker/${ID}\n4:memory:/outer/docker/${ID}\n2:cpuacct:/docker/${ID}\n1:cpu:/docker/${ID}\n0::/\n`,
      ...version1Files(
        `sys/fs/cgroup/cpuacct/docker/${ID}`,
        `sys/fs/cgroup/memory/outer/docker/${ID}`,
        `sys/fs/cgroup/pids/docker/${ID}`,
      ),
      ...version2Files('sys/fs/cgroup/unified'),
    });
    expect(find()).toMatchObject({
      version: 1,
      cpu: `sys/fs/cgroup/cpuacct/docker/${ID}/cpuacct.usage`,
      memory: `sys/fs/cgroup/memory/outer/docker/${ID}/memory.usage_in_bytes`,
    });
  });
});

describe('the cgroup files of version 2', () => {
  it.each([
    ['cgroupfs', `/docker/${ID}`],
    ['systemd', `/system.slice/docker-${ID}.scope`],
    ['systemd, for a user', `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`],
  ])('are found with the %s driver', (_, path) => {
    record({
      'proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate',
      [`proc/${PID}/cgroup`]: `0::${path}\n`,
      ...version2Files(`sys/fs/cgroup${path}`),
    });
    expect(find()).toEqual({
      version: 2,
      cpu: `sys/fs/cgroup${path}/cpu.stat`,
      memory: `sys/fs/cgroup${path}/memory.current`,
      memoryStat: `sys/fs/cgroup${path}/memory.stat`,
      pids: `sys/fs/cgroup${path}/pids.current`,
      processes: `sys/fs/cgroup${path}/cgroup.procs`,
      network: `proc/${PID}/net/dev`,
    });
  });
});

describe('the mounted part of the hierarchy', () => {
  const mount = (part: string): string => `30 23 0:26 ${part} /sys/fs/cgroup rw - cgroup2 cgroup2 rw`;

  it('is stripped from the beginning of the path', () => {
    record({
      'proc/self/mountinfo': mount('/docker/outer'),
      [`proc/${PID}/cgroup`]: `0::/docker/outer/docker/${ID}`,
      ...version2Files(`sys/fs/cgroup/docker/${ID}`),
    });
    expect(find()).toMatchObject({ cpu: `sys/fs/cgroup/docker/${ID}/cpu.stat` });
  });

  it('is not stripped from a longer name', () => {
    record({
      'proc/self/mountinfo': mount('/docker'),
      [`proc/${PID}/cgroup`]: `0::/docker-${ID}`,
      ...version2Files(`sys/fs/cgroup/-${ID}`),
    });
    expect(find()).toBeUndefined();
  });

  it('may be the whole path', () => {
    record({
      'proc/self/mountinfo': mount(`/docker/${ID}`),
      [`proc/${PID}/cgroup`]: `0::/docker/${ID}`,
      ...version2Files('sys/fs/cgroup'),
    });
    expect(find()).toMatchObject({ cpu: 'sys/fs/cgroup/cpu.stat' });
  });
});

describe('findCgroup', () => {
  it('returns undefined when a file is missing', () => {
    const files = version2Files(`sys/fs/cgroup/docker/${ID}`);
    delete files[`sys/fs/cgroup/docker/${ID}/memory.current`];
    record({
      'proc/self/mountinfo': '30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      [`proc/${PID}/cgroup`]: `0::/docker/${ID}`,
      ...files,
    });
    expect(find()).toBeUndefined();
  });

  it('returns undefined without a cgroup file system', () => {
    record({ 'proc/self/mountinfo': '23 1 8:1 / / rw - ext4 /dev/sda1 rw', [`proc/${PID}/cgroup`]: '' });
    expect(find()).toBeUndefined();
  });

  it('throws when the process is gone', () => {
    record({ 'proc/self/mountinfo': '' });
    expect(() => find()).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });
});
