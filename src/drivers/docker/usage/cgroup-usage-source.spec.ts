import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../../../../test/support/logs/fake-log-engine.js';
import { CGROUP_TREES, CONTAINER_PID, writeTree } from '../../../../test/support/metrics/cgroup-trees.js';
import { type CgroupFiles, findCgroup } from './cgroup-files.js';
import { CgroupUsageSource, readNetDev } from './cgroup-usage-source.js';

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999999    1234    0    0    0     0          0         0   999999    1234    0    0    0     0       0          0
  eth0: 1296821     921    0    0    0     0          0         0    57432     800    0    0    0     0       0          0
docker_gwbridge:1000 9 0 0 0 0 0 0 2000 8 0 0 0 0 0 0
`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'devforge-usage-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function files(version: 1 | 2, texts: Record<keyof Omit<CgroupFiles, 'version'>, string>): CgroupFiles {
  const paths = Object.fromEntries(
    Object.entries(texts).map(([name, text]) => (writeFileSync(join(folder, name), text), [name, join(folder, name)])),
  );
  return { version, ...paths } as unknown as CgroupFiles;
}

const version1 = {
  cpu: '2500000000\n',
  memory: '1000000\n',
  memoryStat:
    'cache 400000\ninactive_file 1\ntotal_cache 400000\ntotal_inactive_file 300000\ntotal_active_file 100000\n',
  pids: '7\n',
  processes: '',
  network: NET_DEV,
};
const version2 = {
  cpu: 'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\n',
  memory: '1000000\n',
  memoryStat: 'anon 600000\nfile 400000\nworkingset_inactive_file 5\ninactive_file 200000\n',
  pids: '7\n',
  processes: '',
  network: NET_DEV,
};

describe.each(CGROUP_TREES)('the cgroup tree of %s', (_, version, tree) => {
  it('is found and read', async () => {
    writeTree(folder, tree);
    const found = findCgroup(CONTAINER_PID, folder)!;
    expect(found.version).toBe(version);
    const source = new CgroupUsageSource(found);
    const { at: _at, monotonicMs: _monotonicMs, ...usage } = await source.read();
    source.close();
    const cpuSeconds = version === 1 ? 0.037528242 : 0.037528;
    expect(usage).toEqual({
      cpuSeconds,
      memoryBytes: 22_405_120 - 21_041_152,
      rxBytes: 1_296_821,
      txBytes: 57_432,
      pids: 2,
    });
  });

  it('is not used when a file is missing', () => {
    for (const path of Object.keys(tree).filter((each) => !/mountinfo|proc\/\d+\/cgroup$/.test(each))) {
      rmSync(folder, { recursive: true });
      const { [path]: _missing, ...rest } = tree;
      writeTree(folder, rest);
      expect([path, findCgroup(CONTAINER_PID, folder)]).toEqual([path, undefined]);
    }
  });
});

describe('the kernel’s counters', () => {
  it.each([
    [1, version1, 700_000],
    [2, version2, 800_000],
  ] as const)('of version %i are read, without the reclaimable cache', async (version, texts, memoryBytes) => {
    const source = new CgroupUsageSource(files(version, texts));
    const record = await source.read();
    source.close();
    expect(record).toMatchObject({ cpuSeconds: 2.5, memoryBytes, pids: 7, rxBytes: 1_297_821, txBytes: 59_432 });
    expect(Math.abs(record.at - Date.now())).toBeLessThan(1_000);
    expect(Math.abs(record.monotonicMs - performance.now())).toBeLessThan(1_000);
  });

  it('are read again each time', async () => {
    const given = files(2, version2);
    const source = new CgroupUsageSource(given);
    await source.read();
    writeFileSync(given.cpu, 'usage_usec 3000000\n');
    writeFileSync(given.memory, '5\n');
    await expect(source.read()).resolves.toMatchObject({ cpuSeconds: 3, memoryBytes: 5 });
    source.close();
  });

  it.each(['', 'anon 5\n', 'inactive_file 2000000\n'])(
    'count all memory as used with the statistics %j',
    async (memoryStat) => {
      const source = new CgroupUsageSource(files(2, { ...version2, memoryStat }));
      await expect(source.read()).resolves.toMatchObject({ memoryBytes: 1_000_000 });
      source.close();
    },
  );

  it('leave no file open', () => {
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    new CgroupUsageSource(files(2, version2)).close();
    expect(() => new CgroupUsageSource({ ...files(2, version2), pids: join(folder, 'missing') })).toThrow('ENOENT');
    expect(() => new CgroupUsageSource({ ...files(2, version2), network: `/proc/${2 ** 30}/net/dev` })).toThrow(
      'ENOENT',
    );
    expect(open()).toBe(before);
  });
});

describe('the processes of a container', () => {
  it('are reported when they run Claude Code', () => {
    const given = files(2, { ...version2, processes: `${process.pid}\n${2 ** 30}\n` });
    const source = new CgroupUsageSource(given);
    expect(source.claudeProcesses()).toEqual([]);
    source.close();
  });

  it('are reported when they exec Claude Code later', async () => {
    copyFileSync('/bin/sleep', join(folder, 'claude'));
    const shell = spawn('sh', ['-c', 'read go; exec ./claude 30'], {
      cwd: folder,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const given = files(2, { ...version2, processes: `${shell.pid}\n${process.pid}\n` });
    const source = new CgroupUsageSource(given);
    try {
      await eventually(() => readFileSync(`/proc/${shell.pid}/comm`, 'utf8').trim() === 'sh');
      expect(source.claudeProcesses()).toEqual([]);
      shell.stdin.end('go\n');
      await eventually(() => source.claudeProcesses().length > 0);
      expect(source.claudeProcesses()).toEqual([shell.pid]);
      writeFileSync(given.processes, `${process.pid}\n`);
      expect(source.claudeProcesses()).toEqual([]);
    } finally {
      shell.kill('SIGKILL');
      source.close();
    }
  });
});

describe('readNetDev', () => {
  it('sums all interfaces except the loopback', () =>
    expect(readNetDev(NET_DEV)).toEqual({ rxBytes: 1_297_821, txBytes: 59_432 }));

  it.each(['', 'Inter-| Receive\n face |bytes\n', '    lo: 5 0 0 0 0 0 0 0 5 0 0 0 0 0 0 0\n'])(
    'is nothing for %j',
    (text) => {
      expect(readNetDev(text)).toEqual({ rxBytes: 0, txBytes: 0 });
    },
  );
});
